"""The plan of the house holds: private stores, bounded sizes, plain names, a map that is true."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "springtide"
FUNCTION_LINES_MAX = 60
FILE_LINES_MAX = 400
BANNED_NAMES = {"utils", "helpers", "common", "manager", "base", "misc"}
#: Imports inside functions keep the command line fast; anywhere else they hide the structure.
LAZY_IMPORTS_ALLOWED = ("cli", "bootstrap.py")


def modules() -> list[Path]:
    return sorted(path for path in SOURCE.rglob("*.py") if "versions" not in path.parts)


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_a_rooms_store_is_private_to_the_room() -> None:
    graph = grimp.build_graph("springtide", cache_dir=None)
    breaches = []
    for module in graph.modules:
        room, _, last = module.rpartition(".")
        if not room.startswith("springtide.domain.") or last != "store":
            continue
        importers = graph.find_modules_that_directly_import(module)
        importers |= {
            importer
            for inner in graph.find_descendants(module)
            for importer in graph.find_modules_that_directly_import(inner)
        }
        breaches += [f"{who} imports {module}" for who in importers if not who.startswith(room)]
    assert breaches == []


def test_files_and_functions_stay_small_enough_to_read() -> None:
    too_long = []
    for path in modules():
        lines = path.read_text().count("\n")
        if lines > FILE_LINES_MAX:
            too_long.append(f"{path.relative_to(ROOT)}: {lines} lines")
        for function in functions(path):
            length = (function.end_lineno or function.lineno) - function.lineno + 1
            if length > FUNCTION_LINES_MAX:
                too_long.append(f"{path.relative_to(ROOT)}:{function.name}: {length} lines")
    assert too_long == []


def test_most_functions_are_short() -> None:
    lengths = sorted(
        (function.end_lineno or function.lineno) - function.lineno + 1
        for path in modules()
        for function in functions(path)
    )
    assert lengths[len(lengths) * 95 // 100] <= 40


def test_no_module_is_a_drawer_for_everything() -> None:
    assert [str(path) for path in modules() if path.stem in BANNED_NAMES] == []


def test_every_package_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in modules()
        if not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_imports_stand_at_the_top() -> None:
    hidden = []
    for path in modules():
        if path.relative_to(SOURCE).parts[0] in LAZY_IMPORTS_ALLOWED:
            continue
        for function in functions(path):
            hidden += [
                f"{path.relative_to(ROOT)}:{node.lineno}"
                for node in ast.walk(function)
                if isinstance(node, ast.Import | ast.ImportFrom)
            ]
    assert hidden == []


@pytest.mark.parametrize("room", ["web", "api"])
def test_what_a_person_or_a_shop_writes_is_begun_again_where_it_met_another(room: str) -> None:
    writers = [
        f"{path.relative_to(SOURCE)}:{number}"
        for path in (SOURCE / room).rglob("*.py")
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if "db.write()" in line
    ]
    assert writers == []
    assert any("db.run(" in path.read_text() for path in (SOURCE / room).rglob("*.py"))


@pytest.mark.parametrize("clock", ["datetime.now(", "datetime.utcnow(", "date.today("])
def test_only_bootstrap_reads_the_wall_clock(clock: str) -> None:
    readers = [
        str(path.relative_to(SOURCE))
        for path in modules()
        if clock in path.read_text() and path.name != "bootstrap.py"
    ]
    assert readers == []


def test_the_map_is_of_this_house() -> None:
    text = (ROOT / "docs" / "map.md").read_text().partition("```")[2].partition("```")[0]
    rooms = {
        path.parent.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("__init__.py")
        if path.parent != SOURCE
    }
    drawn = {each.rstrip("/") for each in re.findall(r"(?<![\w/])[\w/]+/(?=\s|$)", text)}
    assert rooms - drawn == set()
    places = (SOURCE, ROOT, ROOT / "tests")
    assert [each for each in drawn if not any((place / each).exists() for place in places)] == []


def test_nothing_names_a_registry_host_or_this_machine() -> None:
    # Put together so that this file does not name them itself.
    hosts = ["py" + "pi.org", "python" + "hosted.org", "npm" + "js.", "deb." + "debian.org"]
    named = []
    for path in ROOT.rglob("*"):
        parts = path.relative_to(ROOT).parts
        skipped = {".git", ".venv", "var", "node_modules", "vendor"}
        if (
            not path.is_file()
            or skipped & set(parts)
            or (parts[0].startswith(".") and parts[0] != ".ci")
        ):
            continue
        if path.suffix in {".png", ".pyc", ".xlsx", ".parquet"} or path.stat().st_size > 2_000_000:
            continue
        text = path.read_text(errors="replace")
        named += [f"{path.relative_to(ROOT)}: {host}" for host in hosts if host in text]
    assert named == []

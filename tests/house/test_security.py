"""docs/explanation/security.md says what holds, and what it says stays true."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import springtide
from springtide.kit.db import metadata

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "springtide"
TEXT = (ROOT / "docs" / "explanation" / "security.md").read_text()
SCRIPTS = sorted((SOURCE / "web" / "static").glob("*.js"))

#: The rows of ASVS 5.0.0 at levels 1 and 2, by section.
ROWS = """
1.1 1-2; 1.2 1-9; 1.3 1-11; 1.4 1-3; 1.5 1-2; 2.1 1-3; 2.2 1-3; 2.3 1-4; 2.4 1; 3.2 1-2; 3.3 1-4;
3.4 1-6; 3.5 1-5; 3.7 1-2; 4.1 1-3; 4.2 1; 4.3 1-2; 4.4 1-4; 5.1 1; 5.2 1-3; 5.3 1-2; 5.4 1-3;
6.1 1-3; 6.2 1-12; 6.3 1-4; 6.4 1-4; 6.5 1-5; 6.6 1-3; 6.8 1-4; 7.1 1-3; 7.2 1-4; 7.3 1-2; 7.4 1-5;
7.5 1-2; 7.6 1-2; 8.1 1-2; 8.2 1-3; 8.3 1; 8.4 1; 9.1 1-3; 9.2 1-4; 10.1 1-2; 10.2 1-2; 10.3 1-4;
10.4 1-11; 10.5 1-5; 10.6 1-2; 10.7 1-3; 11.1 1-2; 11.2 1-3; 11.3 1-3; 11.4 1-4; 11.5 1; 11.6 1;
12.1 1-3; 12.2 1-2; 12.3 1-4; 13.1 1; 13.2 1-5; 13.3 1-2; 13.4 1-5; 14.1 1-2; 14.2 1-4; 14.3 1-3;
15.1 1-3; 15.2 1-3; 15.3 1-7; 16.1 1; 16.2 1-5; 16.3 1-4; 16.4 1-3; 16.5 1-3; 17.1 1; 17.2 1-4;
17.3 1-2
"""
ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
HELD = re.compile(r"`(\w+/[\w/]+)::(test_\w+)`")
#: What a row without a test says: nothing of the kind is here, the operator holds it, or it was
#: read in the code and has nothing that a test could call.
OTHER = ("nothing of the kind", "yours: ", "read: ", "open: ")


def _expected_rows() -> set[str]:
    found = set()
    for each in ROWS.replace("\n", " ").split(";"):
        section, numbers = each.split()
        first, _, last = numbers.partition("-")
        found |= {f"{section}.{n}" for n in range(int(first), int(last or first) + 1)}
    return found


def test_every_row_of_the_standard_stands_in_the_table_once() -> None:
    rows = [row for row, *_ in ROW.findall(TEXT)]
    assert len(_expected_rows()) == 253
    assert sorted(rows) == sorted(_expected_rows())


def test_every_row_names_tests_that_exist_or_says_why_none_can() -> None:
    wrong = []
    for row, _, _, held in ROW.findall(TEXT):
        tests = HELD.findall(held)
        if not tests and not held.startswith(OTHER):
            wrong.append(f"{row}: {held}")
        for module, test in tests:
            path = ROOT / "tests" / f"{module}.py"
            if not path.is_file() or test not in _tests(path):
                wrong.append(f"{row}: {module}::{test} is not there")
    assert wrong == []


def test_no_dangerous_call_stands_in_the_code() -> None:
    calls = {"eval", "exec", "compile", "os.system", "os.popen", "pickle.loads", "marshal.loads"}
    found = [
        f"{place}: {name}"
        for place, call in _calls()
        if (name := ast.unparse(call.func)) in calls
        or any(word.arg == "shell" for word in call.keywords)
    ]
    assert found == []
    starters = {
        module.relative_to(SOURCE).as_posix()
        for module in _modules()
        if {"subprocess", "pickle", "marshal", "shelve", "yaml"} & _imports(module)
    }
    assert starters == {"demo/running.py"}


def test_no_pattern_is_made_of_what_people_type() -> None:
    makers = {"compile", "match", "fullmatch", "search", "sub", "split", "findall", "finditer"}
    made = {
        place.rpartition(":")[0]
        for place, call in _calls(in_functions=True)
        if ast.unparse(call.func) in {f"re.{maker}" for maker in makers}
        and not (call.args and _is_constant(call.args[0]))
    }
    # The names of a query's own tables; the escaped key of a customer who is erased.
    assert made == {
        "domain/board/store.py",
        "domain/facts/reader.py",
        "flows/people/personal_data.py",
    }


def test_only_the_mail_channel_opens_connections() -> None:
    openers = {"socket", "smtplib", "ssl", "httpx", "urllib.request", "http.client", "requests"}
    found = {
        module.relative_to(SOURCE).as_posix() for module in _modules() if openers & _imports(module)
    }
    # The demo's shop calls its own server; the rest asks for this machine's name or a free port.
    assert found == {
        "cli/demo.py",
        "cli/serve.py",
        "connectors/channels/email.py",
        "demo/replay.py",
        "demo/running.py",
        "flows/timeline/worker_slots.py",
    }


def test_scripts_write_html_only_from_our_own_stream() -> None:
    assert SCRIPTS
    found: dict[str, set[str]] = {}
    for path in SCRIPTS:
        for word in re.findall(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function"
            r"|postMessage|localStorage|sessionStorage|indexedDB|__proto__",
            path.read_text(),
        ):
            found.setdefault(word, set()).add(path.name)
    # A refused upload shows the page that our own server answered with.
    assert found == {
        "document.write": {"app.js"},
        "innerHTML": {"live.js"},
        "localStorage": {"store.js"},
    }


def test_every_use_of_cryptography_is_in_the_inventory() -> None:
    crypto = {"hashlib", "hmac", "secrets", "argon2", "cryptography", "pyotp", "webauthn"}
    using = {
        module.relative_to(SOURCE).as_posix()
        for module in _modules()
        if crypto & {name.partition(".")[0] for name in _imports(module)}
    }
    assert using
    assert sorted(module for module in using if f"`{module}`" not in TEXT) == []


def test_every_kind_of_data_has_its_level() -> None:
    for info in pkgutil.walk_packages(springtide.__path__, "springtide."):
        if "store" in info.name.split("."):
            importlib.import_module(info.name)
    assert metadata.tables
    assert sorted(name for name in metadata.tables if f"`{name}`" not in TEXT) == []


def test_logs_go_to_stderr_only() -> None:
    handlers = [
        f"{place}: {name}"
        for place, call in _calls()
        if (name := ast.unparse(call.func)).endswith("Handler") and "logging" in name
    ]
    assert [each for each in handlers if "StreamHandler" not in each] == []


@cache
def _tests(path: Path) -> set[str]:
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def _modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def _imports(module: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module)
    return names


def _calls(*, in_functions: bool = False) -> Iterator[tuple[str, ast.Call]]:
    functions = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
    for module in _modules():
        tree = ast.parse(module.read_text())
        parts = [node for node in ast.walk(tree) if isinstance(node, functions)]
        for part in parts if in_functions else [tree]:
            for node in ast.walk(part):
                if isinstance(node, ast.Call):
                    yield f"{module.relative_to(SOURCE).as_posix()}:{node.lineno}", node


def _is_constant(node: ast.expr) -> bool:
    """Tell whether an expression is a literal or names a constant of the module."""
    if isinstance(node, ast.Name):
        return node.id.lstrip("_").isupper()
    return isinstance(node, ast.Constant)

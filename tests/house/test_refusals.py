"""Every refusal has a code of its own, and every limit that is declared is looked at."""

import ast
import importlib
import pkgutil
import re
from collections import defaultdict
from functools import cache
from pathlib import Path

import springtide
from springtide.kit.errors import Refusal

SOURCE = Path(__file__).parents[2] / "src" / "springtide"
#: Refusals that say what their parent says, on purpose: callers tell them apart, readers need not.
SHARING: dict[str, str] = {
    # A mapping that cannot be used; the text says where and what is wrong with it.
    "springtide.connectors.tabular.mapping.BrokenMapping": "bad_mapping",
    "springtide.connectors.tabular.mapping.NoSuchChoice": "bad_mapping",
    "springtide.connectors.tabular.mapping.NoTimeColumn": "bad_mapping",
    "springtide.connectors.tabular.mapping.UnknownSetting": "bad_mapping",
    # A file that cannot be read, of which the place is known.
    "springtide.connectors.tabular.records.BrokenJson": "unreadable_file",
    # Rows were rejected, and the import was to be all or nothing.
    "springtide.flows.files.table_load.StrictRowRefusal": "rows_rejected",
    # A short secret, from a file instead of the environment.
    "springtide.settings.ShortKeptSecret": "short_secret",
}
_LIMIT = re.compile(r"_?[A-Z][A-Z_]*_(MAX|MIN|LEAST|MOST|LIMIT)$|_?MAX_[A-Z_]+$")
#: What only shapes a column: SQLite keeps a longer text all the same.
_SHAPES = {"String", "LargeBinary"}


@cache
def refusals() -> tuple[type[Refusal], ...]:
    for info in pkgutil.walk_packages(springtide.__path__, "springtide."):
        if not info.name.startswith("springtide.migrations.") and "__main__" not in info.name:
            importlib.import_module(info.name)
    found, waiting = [], [Refusal]
    while waiting:
        each = waiting.pop()
        waiting += each.__subclasses__()
        if each.__module__.startswith("springtide."):
            found.append(each)
    return tuple(dict.fromkeys(found))


def name_of(refusal: type[Refusal]) -> str:
    return f"{refusal.__module__}.{refusal.__name__}"


def test_no_code_is_declared_twice() -> None:
    holders = defaultdict(set)
    for refusal in refusals():
        if "code" in vars(refusal):
            holders[refusal.code].add(name_of(refusal))
    assert len(holders) > 200
    assert {code: names for code, names in holders.items() if len(names) > 1} == {}


def test_what_shares_the_code_of_its_parent_is_decided() -> None:
    sharing = {
        name_of(refusal): refusal.code for refusal in refusals() if "code" not in vars(refusal)
    }
    assert sharing == SHARING


def test_a_code_has_one_status() -> None:
    statuses = defaultdict(set)
    for refusal in refusals():
        statuses[refusal.code].add(refusal.status)
    assert {code: found for code, found in statuses.items() if len(found) > 1} == {}


def test_every_limit_that_is_declared_is_looked_at() -> None:
    declared: dict[str, str] = {}
    used: set[str] = set()
    for path in sorted(SOURCE.rglob("*.py")):
        tree = ast.parse(path.read_text())
        shaping = {
            id(each)
            for node in ast.walk(tree)
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in _SHAPES
            for each in ast.walk(node)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and _LIMIT.match(node.id):
                if isinstance(node.ctx, ast.Store):
                    declared[node.id] = str(path.relative_to(SOURCE))
                elif id(node) not in shaping:
                    used.add(node.id)
            elif isinstance(node, ast.Attribute) and id(node) not in shaping:
                used.add(node.attr)
    assert len(declared) > 100
    assert {name: place for name, place in declared.items() if name not in used} == {}

"""Modules compiled to machine code at set-up, used only while they are of the sources beside them.

The compiled files lie in ``springtide/compiled`` with a stamp: the interpreter they are for, and a
hash of every source. Change a source, and it is interpreted again until the next set-up.
"""

import hashlib
import importlib.util
import sys
import sysconfig
from pathlib import Path

_HOUSE = Path(__file__).resolve().parents[1]
_FOLDER = _HOUSE / "compiled"
_STAMP = _FOLDER / "stamp"
#: What is compiled: the search for the best stack and all that it calls for every cart.
MODULES = tuple(
    f"domain/pricing/{name}.py"
    for name in (
        "allocation",
        "bounds",
        "engine",
        "items",
        "pieces",
        "plan",
        "search",
        "priced_cart",
        "stack",
        "steps",
    )
)


def prefer(package: str, path: list[str]) -> bool:
    """Let a package's compiled modules be found first; tell whether there are any of its sources.

    ``path`` is the package's ``__path__``.
    """
    if not _STAMP.is_file() or _STAMP.read_text() != _stamp():
        return False
    for shared in sorted(_FOLDER.glob("*__mypyc.*")):
        name = shared.name.partition(".")[0]
        spec = importlib.util.spec_from_file_location(name, shared)
        if spec is None or spec.loader is None:
            return False
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    path.insert(0, str(_FOLDER))
    return True


def write_stamp() -> None:
    """Say which sources the compiled modules were made from."""
    _STAMP.write_text(_stamp())


def _stamp() -> str:
    found = hashlib.sha256(str(sysconfig.get_config_var("EXT_SUFFIX")).encode())
    for name in MODULES:
        found.update((_HOUSE / name).read_bytes())
    return found.hexdigest()

"""The examples in docstrings are true."""

import ast
import doctest
import importlib
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[2] / "src"


def _modules() -> list[str]:
    return [
        ".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__")
        for path in sorted(SOURCE.rglob("*.py"))
        if ">>> " in path.read_text()
    ]


def _docstrings(path: Path) -> list[tuple[str, str]]:
    """Return names and docstrings as they are written: compiled modules may have lost theirs."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)
    return [
        (getattr(node, "name", path.stem), text)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, kinds) and (text := ast.get_docstring(node)) and ">>> " in text
    ]


def test_there_are_examples() -> None:
    assert len(_modules()) > 20


@pytest.mark.parametrize("name", _modules())
def test_the_examples_of_a_module_are_true(name: str) -> None:
    module = importlib.import_module(name)
    path = SOURCE / Path(*name.split("."))
    path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    examples = 0
    told: list[str] = []
    for owner, text in _docstrings(path):
        test = doctest.DocTestParser().get_doctest(text, vars(module).copy(), owner, str(path), 0)
        examples += len(test.examples)
        doctest.DocTestRunner(verbose=False).run(test, out=told.append)
    assert examples
    assert "".join(told) == ""

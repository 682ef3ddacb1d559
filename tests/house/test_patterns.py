"""A pattern that ends in ``$`` takes a line feed at the end as well: nobody means that."""

import ast
import importlib
import pkgutil
import re
import warnings
from collections.abc import Iterator
from typing import Any

import pytest

import springtide
from tests.house.test_house import ROOT, modules

_CALLS = {"compile", "match", "search", "fullmatch", "sub", "subn", "split", "findall", "finditer"}
#: How the standard library names the parts of a pattern.
_PARSER: Any = importlib.import_module("re._parser")
_AT_END: Any = importlib.import_module("re._constants").AT_END


def _takes_a_line_feed(pattern: str | bytes, flags: int = 0) -> bool:
    """Whether a pattern holds a ``$`` that is not meant for the end of any line."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        parsed = _PARSER.parse(pattern, flags)
    return not parsed.state.flags & re.MULTILINE.value and _has_end(parsed)


def _has_end(part: Any) -> bool:
    inner = part.data if isinstance(part, _PARSER.SubPattern) else part
    return inner is _AT_END or (isinstance(inner, tuple | list) and any(map(_has_end, inner)))


def _written() -> Iterator[tuple[str, str | bytes]]:
    """Every text that is given to ``re`` or as ``pattern=`` where it stands."""
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call):
                for each in _given(node):
                    if isinstance(each, ast.Constant) and isinstance(each.value, str | bytes):
                        yield f"{path.relative_to(ROOT)}:{each.lineno}", each.value


def _given(call: ast.Call) -> list[ast.expr]:
    if ast.unparse(call.func) in {f"re.{name}" for name in _CALLS}:
        return call.args[:1]
    return [each.value for each in call.keywords if each.arg == "pattern"]


def _compiled() -> Iterator[tuple[str, re.Pattern[Any]]]:
    for info in pkgutil.walk_packages(springtide.__path__, "springtide."):
        if info.name.rpartition(".")[2] not in ("__main__", "env"):
            for name, value in vars(importlib.import_module(info.name)).items():
                if isinstance(value, re.Pattern):
                    yield f"{info.name}.{name}", value


def test_no_pattern_ends_in_a_dollar() -> None:
    written, made = list(_written()), list(_compiled())
    assert len(written) > 30
    assert len(made) > 30
    assert [where for where, pattern in written if _takes_a_line_feed(pattern)] == []
    assert [where for where, each in made if _takes_a_line_feed(each.pattern, each.flags)] == []


@pytest.mark.parametrize("pattern", ["a$", "^[a-z]+$", "(a|b$)", "(?:x$)?y", b"(a|$)"])
def test_the_check_finds_them(pattern: str | bytes) -> None:
    assert _takes_a_line_feed(pattern)


@pytest.mark.parametrize("pattern", [r"a\Z", r"\$", "[$]", "(?m)a$", "a"])
def test_the_check_lets_others_be(pattern: str) -> None:
    assert not _takes_a_line_feed(pattern)

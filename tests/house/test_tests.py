"""Tests that cannot fail are none: not all that one asserts is inside a loop that may be empty."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

TESTS = Path(__file__).parents[1]
#: Calls that fail by themselves when what they look at is not so.
CLAIMS = {
    "raises", "fail", "wait_until", "runTest", "run_state_machine_as_test",
    # Of these tests' own: two ways come to the same; a file is read, or refused in words.
    "agree", "held", "read_or_refuse", "read_po", "law",
}  # fmt: skip


def all_tests() -> Iterator[tuple[Path, ast.FunctionDef | ast.AsyncFunctionDef]]:
    for path in sorted(TESTS.rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if node.name.startswith("test_"):
                yield path, node


def is_claim(node: ast.AST) -> bool:
    """Tell whether a node may fail: an assertion, an expected error, or a call of one's own."""
    if isinstance(node, ast.Assert):
        return True
    if not isinstance(node, ast.Call):
        return False
    called = ast.unparse(node.func).rpartition(".")[2]
    if called == "run":  # of a program, whose end is looked at
        return any(each.arg == "check" for each in node.keywords)
    return called in CLAIMS or called.lstrip("_").startswith(("assert", "check", "expect", "hold"))


def is_never_empty(iterated: ast.expr, known: Mapping[str, ast.expr]) -> bool:
    """Tell whether a loop runs at least once by how it is written: a literal, a constant's name.

    ``known`` are the names that the test itself gave a value.
    """
    if isinstance(iterated, ast.Tuple | ast.List | ast.Set):
        return bool(iterated.elts)
    if isinstance(iterated, ast.Dict):
        return bool(iterated.keys)
    if isinstance(iterated, ast.Constant):
        return bool(iterated.value)
    if isinstance(iterated, ast.Name) and iterated.id in known:
        others = {name: each for name, each in known.items() if name != iterated.id}
        return is_never_empty(known[iterated.id], others)
    if isinstance(iterated, ast.Name | ast.Attribute):
        return ast.unparse(iterated).rpartition(".")[2].isupper()
    if isinstance(iterated, ast.ListComp):
        return all(
            not each.ifs and is_never_empty(each.iter, known) for each in iterated.generators
        )
    if isinstance(iterated, ast.Call):
        called = ast.unparse(iterated.func).rpartition(".")[2]
        if called == "range":
            return True
        of = iterated.func.value if isinstance(iterated.func, ast.Attribute) else None
        if called in {"items", "values", "keys"} and of is not None:
            return is_never_empty(of, known)
        if called in {"enumerate", "sorted", "zip", "reversed", "product", "list", "tuple", "set"}:
            return all(is_never_empty(each, known) for each in iterated.args)
    return False


def given_in(test: ast.AST) -> dict[str, ast.expr]:
    """Return the names that a test gives a value, each with the first one."""
    found: dict[str, ast.expr] = {}
    for node in ast.walk(test):
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for target in targets:
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, node.value)
    return found


def claims(node: ast.AST, known: Mapping[str, ast.expr]) -> Iterator[ast.AST]:
    """Yield what is claimed for sure: not in a loop that may be empty, nor in a function within."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(child, ast.For | ast.AsyncFor) and not is_never_empty(child.iter, known):
            continue
        if is_claim(child):
            yield child
        yield from claims(child, known)


def test_every_test_claims_something_for_sure() -> None:
    found = list(all_tests())
    assert len(found) > 1_000
    empty = [
        f"{path.relative_to(TESTS)}:{node.lineno} {node.name}"
        for path, node in found
        if next(claims(node, given_in(node)), None) is None
    ]
    assert empty == []

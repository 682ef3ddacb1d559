"""Who does what where and when travels as one value, and functions ask for few things."""

import ast
from collections.abc import Iterator
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src"

#: What makes an act, and what also tells of an account, which is no shop's.
APART = {
    "springtide.domain.access.act.of",
    "springtide.domain.access.operations.audit.record_audit",
}
#: More than this many parameters are a value that has no name yet.
PARAMETERS_MAX = 10
#: The oldest ones, which may only become fewer.
MANY = {
    "springtide.domain.orders.operations.place_order",
    "springtide.flows.files.imports.import_file",
}


def functions() -> Iterator[tuple[str, set[str]]]:
    for path in sorted(SOURCE.rglob("*.py")):
        name = ".".join(path.relative_to(SOURCE).with_suffix("").parts)
        for each in ast.walk(ast.parse(path.read_text())):
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef):
                given = each.args
                every = (*given.posonlyargs, *given.args, *given.kwonlyargs)
                yield f"{name}.{each.name}", {one.arg for one in every} - {"self", "cls"}


def test_a_write_takes_an_act() -> None:
    found = dict(functions())
    apart = {
        name
        for name, given in found.items()
        if {"tx", "actor"} <= given and given & {"shop", "shop_id"}
    }
    assert apart == APART


def test_functions_ask_for_few_things() -> None:
    found = {name for name, given in functions() if len(given) > PARAMETERS_MAX}
    assert found == MANY

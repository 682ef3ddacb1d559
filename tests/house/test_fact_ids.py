"""Ids of facts are put together and read in one module alone."""

import ast
import re

from tests.house.test_house import ROOT, modules

HOME = "domain/facts/fact_ids.py"
#: Rewrites a customer's key wherever it stands, whatever the id is made of.
APART = {"domain/facts/erasing.py"}
_READS = re.compile(
    r"(regexp_\w+|split_part|starts_with|ends_with)\(\s*external_id|external_id\s*(=|<>|like)\s*'"
)


def _texts(tree: ast.Module) -> list[str]:
    return [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]


def test_no_other_module_reads_or_composes_ids_of_facts() -> None:
    found = {}
    for path in modules():
        tree = ast.parse(path.read_text())
        name = path.relative_to(ROOT).as_posix().removeprefix("src/springtide/")
        reads = [text for text in _texts(tree) if _READS.search(text)]
        composed = [
            ast.unparse(value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Dict)
            for key, value in zip(node.keys, node.values, strict=True)
            if isinstance(key, ast.Constant)
            and key.value == "external_id"
            and "|| ':'" in ast.unparse(value)
        ]
        composed += [
            ast.unparse(node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.keyword)
            and node.arg == "external_id"
            and isinstance(node.value, ast.JoinedStr | ast.BinOp)
        ]
        if reads or composed:
            found[name] = [*reads, *composed]
    assert set(found) == {HOME, *APART}, found

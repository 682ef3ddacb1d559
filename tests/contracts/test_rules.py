"""Every promotion rule, the day its file exists."""

import ast
import inspect
from pathlib import Path

import msgspec
import pytest

from springtide.domain.pricing.model import PricedLine, PriceFacts
from springtide.domain.pricing.rules import RULES

ROOT = Path(__file__).parents[2]
LINES = [PricedLine(key, count, PriceFacts(9_900)) for count, key in enumerate("abc", start=1)]


@pytest.mark.parametrize("kind", list(RULES))
class TestEveryRule:
    def test_it_carries_its_parameters_as_a_frozen_struct(self, kind: str) -> None:
        rule = RULES[kind]
        assert issubclass(rule, msgspec.Struct)
        assert rule.__struct_config__.frozen
        assert rule.__struct_config__.forbid_unknown_fields
        # The web form and the API schema are made from it.
        assert msgspec.json.schema(rule)

    def test_it_has_a_title_and_stands_in_the_file_of_its_kind(self, kind: str) -> None:
        rule = RULES[kind]
        assert rule.kind == kind
        assert rule.title
        assert Path(inspect.getfile(rule)).stem == kind

    def test_it_reads_no_clock_and_does_no_io(self, kind: str) -> None:
        tree = ast.parse(Path(inspect.getfile(RULES[kind])).read_text())
        imported = {
            (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
        }
        roots = {name.partition(".")[0] for name in imported}
        assert not roots & {"os", "time", "datetime", "random", "sqlalchemy", "httpx", "socket"}

    def test_its_golden_cases_show_it_applied_and_not(self, kind: str) -> None:
        table = ROOT / "tests" / "golden" / "prices" / f"{kind}.md"
        cases = [line for line in table.read_text().splitlines() if line.startswith("| ")]
        assert len(cases) >= 4

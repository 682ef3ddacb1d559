"""Every promotion rule, the day its file exists."""

import ast
import inspect
from pathlib import Path

import msgspec
import pytest
from hypothesis import find, given
from hypothesis import strategies as st

from springtide.domain.pricing.rule import LANES
from springtide.domain.pricing.rules import RULES, checked_rule
from springtide.kit.errors import Invalid
from tests.kit.pricing import PARAMS

ROOT = Path(__file__).parents[2]


def _fields(kind: str) -> tuple[msgspec.structs.FieldInfo, ...]:
    """Return the parameters of a kind."""
    rule = RULES[kind]
    assert issubclass(rule, msgspec.Struct)
    return msgspec.structs.fields(rule)


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
        assert rule.about
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

    def test_generated_carts_know_it(self, kind: str) -> None:
        # The laws run over what tests.kit.pricing generates.
        assert kind in PARAMS

    @given(st.data())
    def test_it_compiles_to_a_shape_in_a_lane_and_names_its_products(
        self, kind: str, data: st.DataObject
    ) -> None:
        rule = checked_rule(kind, data.draw(PARAMS[kind]))
        assert rule.compiled().lane in LANES
        assert all(isinstance(key, str) for key in rule.products_named())

    @pytest.mark.parametrize("value", [-1, 0, 10**18])
    def test_numbers_out_of_range_are_refused_by_their_field(self, kind: str, value: int) -> None:
        numbers = [
            field.name for field in _fields(kind) if field.required and "int" in str(field.type)
        ]
        good = find(PARAMS[kind], lambda params: True)
        for name in numbers:
            with pytest.raises(Invalid) as refused:
                checked_rule(kind, {**good, name: value})
            assert name in refused.value.fields

    def test_every_parameter_has_a_title_and_a_unit(self, kind: str) -> None:
        for field in _fields(kind):
            notes = getattr(field.type, "__metadata__", ())
            titles = [note.title for note in notes if isinstance(note, msgspec.Meta)]
            assert any(titles), field.name

    def test_its_golden_cases_show_it_applied_and_not(self, kind: str) -> None:
        table = ROOT / "tests" / "golden" / "prices" / f"{kind}.md"
        cases = [line for line in table.read_text().splitlines() if line.startswith("| ")]
        assert len(cases) >= 4

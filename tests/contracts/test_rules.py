"""Every promotion rule, the day its file exists."""

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import find, given
from hypothesis import strategies as st

from springtide.domain.pricing.rule import LANES, Asks
from springtide.domain.pricing.rules import RULES, checked_rule
from springtide.kit.errors import Invalid
from tests.kit.pricing import PARAMS

ROOT = Path(__file__).parents[2]


def _fields(kind: str) -> tuple[msgspec.structs.FieldInfo, ...]:
    """Return the parameters of a kind."""
    rule = RULES[kind]
    assert issubclass(rule, msgspec.Struct)
    return msgspec.structs.fields(rule)


def _numbers(part: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where the numbers of some parameters stand, within lists too."""
    if isinstance(part, int) and not isinstance(part, bool):
        yield path
    elif isinstance(part, dict | list | tuple):
        for key, each in part.items() if isinstance(part, dict) else enumerate(part):
            yield from _numbers(each, (*path, key))


def _with(part: Any, path: tuple[Any, ...], value: int) -> Any:
    """Return the parameters with another number at a place."""
    if not path:
        return value
    changed = dict(part) if isinstance(part, dict) else list(part)
    changed[path[0]] = _with(changed[path[0]], path[1:], value)
    return changed


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

    def test_it_says_what_it_asks_of_the_buyer(self, kind: str) -> None:
        tree = ast.parse(Path(inspect.getfile(RULES[kind])).read_text())
        read = {
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "buyer"
        }
        looked_up = {"tier": Asks.TIER, "is_first_order": Asks.FIRST_ORDER}
        assert {looked_up[name] for name in read & looked_up.keys()} == set(RULES[kind].asks)

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

    @pytest.mark.parametrize("value", [-1, 10**18])
    def test_numbers_out_of_range_are_refused_by_their_field(self, kind: str, value: int) -> None:
        good = find(PARAMS[kind], lambda params: any(True for _ in _numbers(params)))
        paths = list(_numbers(good))
        assert paths
        for path in paths:
            with pytest.raises(Invalid) as refused:
                checked_rule(kind, _with(good, path, value))
            assert any(name.partition(".")[0] == path[0] for name in refused.value.fields), path

    def test_nothing_is_no_number_that_is_needed(self, kind: str) -> None:
        good = find(PARAMS[kind], lambda params: True)
        needed = {each.name for each in _fields(kind) if each.required and "int" in str(each.type)}
        refused = set()
        for name in needed:
            with pytest.raises(Invalid) as error:
                checked_rule(kind, {**good, name: 0})
            refused |= needed & error.value.fields.keys()
        assert refused == needed

    def test_every_parameter_has_a_title_and_a_unit(self, kind: str) -> None:
        fields = _fields(kind)
        assert fields
        for field in fields:
            notes = getattr(field.type, "__metadata__", ())
            titles = [note.title for note in notes if isinstance(note, msgspec.Meta)]
            assert any(titles), field.name

    def test_its_golden_cases_show_it_applied_and_not(self, kind: str) -> None:
        table = ROOT / "tests" / "golden" / "prices" / f"{kind}.md"
        cases = [line for line in table.read_text().splitlines() if line.startswith("| ")]
        assert len(cases) >= 4

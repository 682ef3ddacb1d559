"""The board's queries, whose texts are built once and put right for each shop and window."""

from collections.abc import Callable, Hashable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from springtide.domain.board import store
from springtide.domain.board.metrics import METRICS
from springtide.domain.board.model import Counted
from springtide.domain.facts.model import Fact
from springtide.kit.time import Window
from tests.kit.factrows import MemoryFacts

ALL = tuple(member for member in METRICS.values() if issubclass(member, Counted))
WINDOWS = [
    Window(datetime(2018, 1, 13, 5, tzinfo=UTC), datetime(2018, 1, 14, 5, tzinfo=UTC)),
    Window(datetime(2017, 11, 5, 4, 0, 0, 250, UTC), datetime(2017, 11, 6, 5, 30, 1, tzinfo=UTC)),
]
QUERIES: list[tuple[Callable[..., Any], tuple[Hashable, ...]]] = [
    (store.one_scan, (ALL,)),
    (store.by_bucket, (ALL, 3600)),
    (store.by_day, (ALL, "Asia/Shanghai")),
    (store.growth, (ALL, 60)),
    (store.buyers, (60,)),
    (store.top_products, ("units", 10)),
    (store.sold, (("1082185", "it's"),)),
]


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("shop", ["demo", "o'clock", "a\\b"])
@pytest.mark.parametrize(
    ("build", "rest"), QUERIES, ids=lambda value: getattr(value, "__name__", "")
)
def test_a_text_is_the_query_built_anew(
    build: Callable[..., Any], rest: tuple[Hashable, ...], shop: str, window: Window
) -> None:
    built = build(shop, window, *rest).sql(dialect=store.DIALECT)
    assert store.text(build, shop, window, *rest) == built


_MOMENTS = st.integers(0, 72 * 86_400).map(
    lambda seconds: datetime(2017, 11, 25, tzinfo=UTC) + timedelta(seconds=seconds)
)
_EDGES = st.sampled_from(
    [datetime(2017, 12, 31, 16, tzinfo=UTC), datetime(2018, 1, 1, tzinfo=UTC)]
).flatmap(lambda edge: st.sampled_from([edge - timedelta(microseconds=1), edge]))


@given(st.tuples(_MOMENTS | _EDGES, _MOMENTS | _EDGES), st.lists(_MOMENTS | _EDGES, max_size=20))
def test_a_window_holds_the_facts_from_its_start_to_before_its_end(
    bounds: tuple[datetime, datetime], moments: list[datetime]
) -> None:
    window = Window(min(bounds), max(bounds))
    facts = [
        Fact("demo", "view", moment, "api", str(number), visitor_key=str(number))
        for number, moment in enumerate([*moments, window.starts_at, window.ends_at])
    ]
    inside = [fact for fact in facts if window.starts_at <= fact.occurred_at < window.ends_at]
    (row,) = MemoryFacts(facts).rows(
        store.text(store.one_scan, "demo", window, (METRICS["page_views"],))
    )
    assert row[0] == len(inside)

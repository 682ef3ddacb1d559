"""The board's queries, whose texts are built once and put right for each shop and window."""

from collections.abc import Callable, Hashable
from datetime import UTC, datetime
from typing import Any

import pytest

from springtide.domain.board import store
from springtide.domain.board.metrics import METRICS
from springtide.domain.board.model import Counted
from springtide.kit.time import Window

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

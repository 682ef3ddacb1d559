"""Customers with their standing, as the list of customers shows them."""

from collections.abc import Iterator
from typing import ClassVar

from springtide.analytics.rfm import SEGMENT_NAMES
from springtide.connectors.tabular.writers import Column, Row
from springtide.domain.access.model import Data
from springtide.domain.customers.model import Standing
from springtide.domain.customers.queries import customers_after, last_full_day, standings
from springtide.flows.files.export import Nothing, Source
from springtide.kit.errors import N_

_PAGE = 1_000


class Customers:
    """Everybody on file and everybody who ordered, by key."""

    kind: ClassVar[str] = "customers"
    label: ClassVar[str] = N_("Customers")
    data: ClassVar[Data] = Data.CUSTOMERS
    params: ClassVar[type] = Nothing
    columns: ClassVar[tuple[Column, ...]] = (
        Column("customer_key", N_("Customer")),
        Column("name", N_("Name")),
        Column("email", N_("Email")),
        Column("opted_out_at", N_("Opted out at"), "instant"),
        Column("orders", N_("Orders"), "count"),
        Column("money", N_("Money"), "money"),
        Column("last_order_on", N_("Last order"), "day"),
        Column("recency_score", N_("Recency score"), "count"),
        Column("frequency_score", N_("Frequency score"), "count"),
        Column("money_score", N_("Money score"), "count"),
        Column("tier", N_("Tier"), words={name: name for name in SEGMENT_NAMES}),
    )

    @staticmethod
    def rows(source: Source, params: Nothing) -> Iterator[Row]:
        """Yield a row a customer."""
        day = last_full_day(source.shop, source.now)
        ranked = standings(source.house.facts, shop=source.shop, as_of=day).by_key
        known: set[str] = set()
        after = ""
        while True:
            with source.house.db.read() as tx:
                page = customers_after(tx, shop_id=source.shop.id, after=after, limit=_PAGE)
            for each in page:
                known.add(each.key)
                person = (each.key, each.name, each.email, each.opted_out_at)
                yield (*person, *_standing(ranked.get(each.key)))
            if len(page) < _PAGE:
                break
            after = page[-1].key
        for key in sorted(ranked.keys() - known):
            yield (key, None, None, None, *_standing(ranked[key]))


def _standing(standing: Standing | None) -> tuple[object, ...]:
    if standing is None:
        return (0, 0, None, None, None, None, None)
    return (
        standing.order_count,
        standing.money_minor,
        standing.last_order_on,
        standing.recency_score,
        standing.frequency_score,
        standing.money_score,
        standing.segment,
    )

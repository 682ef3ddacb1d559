"""The shop's days, products, orders, and the facts behind a number."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Annotated, ClassVar
from uuid import UUID

import msgspec

from springtide.connectors.tabular.writers import Column, Row, TooManyRows
from springtide.domain.access.model import Data
from springtide.domain.board.metrics import METRICS
from springtide.domain.board.model import Counted, Metric, Unit
from springtide.domain.board.queries import daily, days_window, facts_behind, top_products
from springtide.domain.catalog.queries import products_by_keys
from springtide.domain.facts.kinds import said
from springtide.domain.orders.model import ORDER_STATES, Order
from springtide.domain.orders.queries import PAGE_LENGTH_MAX, orders_page
from springtide.flows.files.export import BadExport, Nothing, Source
from springtide.kit.errors import N_
from springtide.kit.time import Window

_PRODUCTS_MAX = 1_000_000
_FACTS_MAX = 200_000
_DAYS = Annotated[int, msgspec.Meta(ge=2, le=3_660)]


def _of_metric(metric: type[Metric]) -> Column:
    return Column(metric.kind, metric.label, "money" if metric.unit == Unit.MONEY else "count")


_COUNTED = tuple(kind for kind, metric in METRICS.items() if issubclass(metric, Counted))


class LastDays(msgspec.Struct, forbid_unknown_fields=True):
    """So many days, the last of them today or another."""

    days: _DAYS = 30
    last: date | None = None


class Days:
    """A row a day with every number that can be counted by the day."""

    kind: ClassVar[str] = "days"
    label: ClassVar[str] = N_("Days")
    data: ClassVar[Data] = Data.NUMBERS
    params: ClassVar[type] = LastDays
    columns: ClassVar[tuple[Column, ...]] = (
        Column("day", N_("Day"), "day"),
        *(_of_metric(METRICS[kind]) for kind in _COUNTED),
    )

    @staticmethod
    def rows(source: Source, params: LastDays) -> Iterator[Row]:
        """Yield the days, the oldest first."""
        shop = source.shop
        last = params.last or source.now.astimezone(shop.tz).date()
        found = daily(source.house.facts, shop=shop, last=last, count=params.days, kinds=_COUNTED)
        for day, numbers in found.items():
            yield (day, *(numbers[kind] for kind in _COUNTED))


class Products:
    """The products that brought money in some days, the most first."""

    kind: ClassVar[str] = "products"
    label: ClassVar[str] = N_("Products")
    data: ClassVar[Data] = Data.NUMBERS
    params: ClassVar[type] = LastDays
    columns: ClassVar[tuple[Column, ...]] = (
        Column("product_key", N_("Product")),
        Column("name", N_("Name")),
        Column("brand", N_("Brand")),
        Column("category", N_("Category")),
        Column("paid", N_("Paid money"), "money"),
        Column("units", N_("Pieces"), "count"),
        Column("buyers", N_("Buyers"), "count"),
    )

    @staticmethod
    def rows(source: Source, params: LastDays) -> Iterator[Row]:
        """Yield a row a product."""
        shop = source.shop
        last = params.last or source.now.astimezone(shop.tz).date()
        window = days_window(shop, last, params.days)
        lines = top_products(source.house.facts, shop=shop, window=window, limit=_PRODUCTS_MAX)
        with source.house.db.read() as tx:
            keys = [line.product_key for line in lines]
            known = products_by_keys(tx, shop_id=shop.id, keys=keys)
        for line in lines:
            product = known.get(line.product_key)
            named = (product.name, product.brand, product.category) if product else (None,) * 3
            yield (line.product_key, *named, line.paid_minor, line.units, line.buyers)


class Behind(msgspec.Struct, forbid_unknown_fields=True):
    """A number, by its metric and window; ``product`` keeps the facts of one."""

    metric: str
    starts: datetime = msgspec.field(name="from")
    ends: datetime = msgspec.field(name="to")
    product: str = ""


class Facts:
    """The facts that a number rests on, the newest first."""

    kind: ClassVar[str] = "facts"
    label: ClassVar[str] = N_("Facts behind a number")
    data: ClassVar[Data] = Data.FACTS
    params: ClassVar[type] = Behind
    columns: ClassVar[tuple[Column, ...]] = (
        Column("occurred_at", N_("When"), "instant"),
        Column("kind", N_("Kind"), words=said("label")),
        Column("person", N_("Customer or visitor")),
        Column("product_key", N_("Product")),
        Column("order_key", N_("Order")),
        Column("quantity", N_("Pieces"), "count"),
        Column("amount", N_("Amount"), "money"),
        Column("source", N_("Source")),
        Column("external_id", N_("Number at the source")),
    )

    @staticmethod
    def rows(source: Source, params: Behind) -> Iterator[Row]:
        """Yield a row a fact; refuses more than can be held at once."""
        starts, ends = params.starts, params.ends
        if starts.tzinfo is None or ends.tzinfo is None or starts >= ends:
            raise BadExport(name="facts", why=N_("from and to are instants, from before to"))
        total, found = facts_behind(
            source.house.facts,
            shop=source.shop.slug,
            kind=params.metric,
            window=Window(starts, ends),
            product_key=params.product or None,
            limit=_FACTS_MAX,
        )
        if total > _FACTS_MAX:
            raise TooManyRows(most=_FACTS_MAX)
        for row in found:
            yield (
                row.occurred_at, row.kind, row.person, row.product_key, row.order_key,
                row.quantity, row.amount_minor, row.source, row.external_id,
            )  # fmt: skip


class Orders:
    """The orders that were placed here, the newest first."""

    kind: ClassVar[str] = "orders"
    label: ClassVar[str] = N_("Orders")
    data: ClassVar[Data] = Data.ORDERS
    params: ClassVar[type] = Nothing
    columns: ClassVar[tuple[Column, ...]] = (
        Column("order_key", N_("Order")),
        Column("customer_key", N_("Customer")),
        Column("campaign_key", N_("Campaign")),
        Column("state", N_("State"), words=ORDER_STATES),
        Column("placed_at", N_("Placed"), "instant"),
        Column("paid_at", N_("Time of payment"), "instant"),
        Column("closed_at", N_("Closed at"), "instant"),
        Column("total", N_("To be paid"), "money"),
        Column("discount", N_("Discount"), "money"),
        Column("shipping", N_("Shipping"), "money"),
        Column("refunded", N_("Paid back"), "money"),
        Column("pieces", N_("Pieces"), "count"),
    )

    @staticmethod
    def rows(source: Source, params: Nothing) -> Iterator[Row]:
        """Yield a row an order."""
        for order in _orders(source):
            yield (
                order.key, order.customer_key, order.campaign_key, str(order.state),
                order.placed_at, order.paid_at, order.closed_at, order.total_minor,
                order.discount_minor, order.shipping_minor, order.refunded_minor,
                sum(line.quantity for line in order.lines),
            )  # fmt: skip


class OrderLines:
    """The lines of the orders that were placed here."""

    kind: ClassVar[str] = "order_lines"
    label: ClassVar[str] = N_("Order lines")
    data: ClassVar[Data] = Data.ORDERS
    params: ClassVar[type] = Nothing
    columns: ClassVar[tuple[Column, ...]] = (
        Column("order_key", N_("Order")),
        Column("line_no", N_("Line"), "count"),
        Column("customer_key", N_("Customer")),
        Column("state", N_("State"), words=ORDER_STATES),
        Column("placed_at", N_("Placed"), "instant"),
        Column("product_key", N_("Product")),
        Column("quantity", N_("Pieces"), "count"),
        Column("list", N_("List price"), "money"),
        Column("discount", N_("Discount"), "money"),
        Column("payable", N_("To be paid"), "money"),
    )

    @staticmethod
    def rows(source: Source, params: Nothing) -> Iterator[Row]:
        """Yield a row a line."""
        for order in _orders(source):
            for line in order.lines:
                yield (
                    order.key, line.line_no, order.customer_key, str(order.state),
                    order.placed_at, line.product_key, line.quantity, line.list_minor,
                    line.discount_minor, line.payable_minor,
                )  # fmt: skip


def _orders(source: Source) -> Iterator[Order]:
    before: UUID | None = None
    while True:
        with source.house.db.read() as tx:
            page = orders_page(tx, shop_id=source.shop.id, before_id=before, limit=PAGE_LENGTH_MAX)
        yield from page
        if len(page) < PAGE_LENGTH_MAX:
            return
        before = page[-1].id

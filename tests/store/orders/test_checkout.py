"""A quote is the order's price, by the same decision, on both databases."""

from datetime import datetime

import pytest

from springtide.domain.access.act import Act
from springtide.domain.orders import queries
from springtide.domain.pricing.model import CartLine, Decision
from springtide.flows.checkout import place
from springtide.flows.checkout.buyer import Wanted
from springtide.flows.checkout.place import Placing, Visit
from springtide.kit.db import Database
from springtide.kit.errors import Invalid
from tests.kit.shops import ACTOR, new_shop
from tests.kit.storefront import TEA_MINOR, open_sale, stock_shelves

WANTED = Wanted((CartLine("pot", 1), CartLine("tea", 2)), customer_key="c1")


def test_an_order_is_priced_exactly_as_its_quote(database: Database, now: datetime) -> None:
    shop = new_shop(database, now=now)
    stock_shelves(database, shop, now=now)
    campaign = open_sale(database, shop, day=now.date(), now=now)
    with database.read() as tx:
        prepared = place.prepare(tx, shop=shop, wanted=WANTED, now=now)
    decision = prepared.price()
    with database.write() as tx:
        place.place(
            Act.of(tx, shop, ACTOR, now),
            wanted=WANTED,
            placing=Placing("A", decision.total_minor, visit=Visit("v1", "platform/search")),
        )
    with database.read() as tx:
        order = queries.order(tx, shop_id=shop.id, key="A")
    assert Decision.from_document(order.decision).to_json() == decision.to_json()
    # 199.00 + 2 x 88.00 = 375.00 reaches 满299减20.
    assert order.total_minor == 19_900 + 2 * TEA_MINOR - 2_000 == decision.total_minor
    assert order.campaign_key == prepared.campaign_key == campaign.key
    regular = 19_900 + 2 * 9_900
    assert sum(line.list_minor for line in order.lines) == regular
    assert order.discount_minor == regular - order.total_minor
    assert [line.product_key for line in order.lines] == ["pot", "tea"]


def test_without_a_sale_the_regular_price_holds(database: Database, now: datetime) -> None:
    shop = new_shop(database, now=now)
    stock_shelves(database, shop, now=now)
    with database.read() as tx:
        prepared = place.prepare(tx, shop=shop, wanted=WANTED, now=now)
    assert prepared.campaign_key is None
    assert prepared.price().total_minor == 19_900 + 2 * 9_900


@pytest.mark.parametrize(
    ("lines", "problems"),
    [
        ([], {"lines": "no_lines"}),
        ([CartLine("tea", 0)], {"lines.0.quantity": "order_quantity"}),
        ([CartLine("tea", -1)], {"lines.0.quantity": "order_quantity"}),
        ([CartLine("tea", 10**9)], {"lines.0.quantity": "order_quantity"}),
        (
            [CartLine("tea", 1), CartLine("ghost", 1)],
            {"lines.1.product_key": "unknown_product"},
        ),
        ([CartLine("unpriced", 1)], {"lines.0.product_key": "unknown_price"}),
        ([CartLine("tea", 1)] * 501, {"lines": "order_too_many_lines"}),
    ],
)
def test_a_cart_nobody_can_buy_is_refused_by_field(
    database: Database, now: datetime, lines: list[CartLine], problems: dict[str, str]
) -> None:
    shop = new_shop(database, now=now)
    stock_shelves(database, shop, now=now)
    with database.write() as tx, pytest.raises(Invalid) as refused:
        place.place(Act.of(tx, shop, ACTOR, now), wanted=Wanted(tuple(lines)), placing=Placing())
    assert {name: wrong.code for name, wrong in refused.value.fields.items()} == problems

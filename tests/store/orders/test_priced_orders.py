"""An order's price kept, made again, returned and given back, on both databases."""

import threading
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from springtide.domain.access.act import Act
from springtide.domain.access.model import Shop
from springtide.domain.orders.model import Order, OrderNotPaid
from springtide.domain.orders.operations import pay_order
from springtide.domain.orders.queries import order, order_returns
from springtide.domain.pricing import operations as pricing
from springtide.domain.pricing.book import BookPrice, CampaignTerms, Terms
from springtide.domain.pricing.model import CartLine
from springtide.domain.pricing.operations.uses import LimitReached
from springtide.domain.pricing.queries import kept_plan
from springtide.domain.pricing.replay import replay
from springtide.domain.pricing.rule import Conditions, Limits, Stacking
from springtide.domain.pricing.stacking import AmbiguousStack
from springtide.flows.checkout import place as checkout
from springtide.flows.checkout.buyer import Wanted
from springtide.flows.checkout.place import Placing, QuoteChanged
from springtide.flows.checkout.quotes import (
    BadQuote,
    QuoteExpired,
    QuoteOfOtherCart,
    quoted_total,
    sign_quote,
)
from springtide.flows.checkout.returns import ReturnTaken, inputs_of_order, return_lines
from springtide.kit.db import Database
from springtide.kit.errors import Invalid
from springtide.kit.ids import inward
from tests.kit.shops import ACTOR, new_shop
from tests.kit.storefront import open_sale, stock_shelves

LINES = (CartLine("pot", 1), CartLine("tea", 2))


class Store:
    """A shop in its sale, with one more rule switched on."""

    def __init__(self, database: Database, now: datetime) -> None:
        self.db, self.now = database, now
        self.shop: Shop = new_shop(database, now=now)
        stock_shelves(database, self.shop, now=now)
        self.campaign = open_sale(database, self.shop, day=now.date(), now=now)

    def add(self, kind: str, params: Mapping[str, Any], terms: Terms) -> str:
        """Save a rule and switch the campaign's rules on; return its key."""
        with self.db.write() as tx:
            saved = pricing.save_rule(
                Act.of(tx, self.shop, ACTOR, self.now),
                campaign_id=self.campaign.id,
                rule_id=None,
                kind=kind,
                params=params,
                terms=terms,
            )
            pricing.activate_rules(
                Act.of(tx, self.shop, ACTOR, self.now), campaign_id=self.campaign.id
            )
        return saved.key

    def place(self, key: str, customer: str | None = "c1", quoted: int | None = None) -> Order:
        """Place an order of the same cart."""
        with self.db.write() as tx:
            return checkout.place(
                Act.of(tx, self.shop, ACTOR, self.now),
                wanted=Wanted(LINES, customer_key=customer),
                placing=Placing(key, quoted),
            )

    def pay(self, key: str) -> None:
        """Pay an order."""
        with self.db.write() as tx:
            pay_order(Act.of(tx, self.shop, ACTOR, self.now), key=key, payment_key=f"p-{key}")

    def give_back(self, key: str, name: str, **lines: int) -> int:
        """Return pieces of an order; return what is paid back."""
        with self.db.write() as tx:
            done = return_lines(
                Act.of(tx, self.shop, ACTOR, self.now + timedelta(days=3)),
                order_key=key,
                return_key=name,
                lines=lines,
            )
        return done.made.refund_minor

    def stored(self, key: str) -> Order:
        """Read an order."""
        with self.db.read() as tx:
            return order(tx, shop_id=self.shop.id, key=key)


@pytest.fixture
def store(database: Database, now: datetime) -> Store:
    return Store(database, now)


def test_a_price_is_made_again_byte_for_byte_whatever_changed_since(store: Store) -> None:
    coupon = store.add("coupon", {"discount_minor": 500}, Terms("Five off"))
    store.place("A")
    with store.db.write() as tx:
        prices = {"tea": BookPrice(20_000), "pot": BookPrice(30_000)}
        pricing.set_book_prices(
            Act.of(tx, store.shop, ACTOR, store.now), prices=prices, why="later"
        )
        act = Act.of(tx, store.shop, ACTOR, store.now)
        where: dict[str, Any] = {"campaign_id": store.campaign.id, "rule_id": inward("rul", coupon)}
        pricing.save_rule(act, **where, kind="coupon", params={"discount_minor": 900})
        pricing.remove_rule(act, **where)
    with store.db.read() as tx:
        inputs, decision = inputs_of_order(store.stored("A"))
        again = replay(inputs, kept_plan(tx, shop_id=store.shop.id, digest=inputs.plan))
    assert coupon in {rule.rule_id for rule in decision.rules}
    assert again.to_json() == decision.to_json()


def test_a_limit_in_all_is_kept_and_given_back(store: Store) -> None:
    coupon = store.add(
        "coupon", {"discount_minor": 500}, Terms(limits=Limits(total=2, per_customer=1))
    )

    def used(key: str) -> bool:
        return coupon in str(store.stored(key).decision["rules"])

    store.place("A", "c1")
    store.place("B", "c1")
    store.place("C", "c2")
    store.place("D", "c3")
    store.place("E", None)
    assert [used(key) for key in "ABCDE"] == [True, False, True, False, False]
    with store.db.write() as tx:
        checkout.close(Act.of(tx, store.shop, ACTOR, store.now), key="A", reason="test")
        checkout.close(Act.of(tx, store.shop, ACTOR, store.now), key="A", reason="test")
    store.place("F", "c1")
    store.place("G", "c4")
    assert [used(key) for key in "FG"] == [True, False]


def test_many_at_once_never_pass_a_limit(store: Store) -> None:
    coupon = store.add("coupon", {"discount_minor": 500}, Terms(limits=Limits(total=3)))
    refused: list[str] = []

    def buy(number: int) -> None:
        for _ in range(20):
            try:
                store.place(f"T{number}", f"c{number}")
                return
            except LimitReached:
                refused.append(str(number))

    threads = [threading.Thread(target=buy, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    orders = [store.stored(f"T{number}") for number in range(8)]
    assert sum(coupon in str(each.decision["rules"]) for each in orders) == 3


def test_a_return_pays_back_by_the_campaigns_policy_and_the_same_twice_is_once(
    store: Store,
) -> None:
    store.place("A")
    with pytest.raises(OrderNotPaid):
        store.give_back("A", "r1", tea=1)
    store.pay("A")
    with store.db.write() as tx:
        pricing.save_campaign_terms(
            Act.of(tx, store.shop, ACTOR, store.now),
            campaign_id=store.campaign.id,
            terms=CampaignTerms(returns="reprice"),
        )
    total = store.stored("A").total_minor
    # 199.00 + 2 x 88.00 less 20.00; the pot and one tea are 287.00: 满169减10 is left of it.
    assert store.give_back("A", "r1", tea=1) == total - (19_900 + 8_800 - 1_000)
    assert store.give_back("A", "r1", tea=1) == total - (19_900 + 8_800 - 1_000)
    with pytest.raises(ReturnTaken):
        store.give_back("A", "r1", tea=2)
    with pytest.raises(Invalid):
        store.give_back("A", "r2", tea=2)
    store.give_back("A", "r2", tea=1, pot=1)
    assert store.stored("A").refunded_minor == total
    with store.db.read() as tx:
        assert len(order_returns(tx, order_id=store.stored("A").id)) == 2


def test_two_returns_at_once_never_pay_back_more_than_was_paid(store: Store) -> None:
    store.place("A")
    store.pay("A")
    wrong: list[str] = []

    def take_back(name: str) -> None:
        try:
            store.give_back("A", name, pot=1, tea=2)
        except Invalid:
            wrong.append(name)

    threads = [threading.Thread(target=take_back, args=(f"r{n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(wrong) == 3
    assert store.stored("A").refunded_minor == store.stored("A").total_minor


def test_an_order_is_held_to_its_quote(store: Store) -> None:
    wanted = Wanted(LINES, customer_key="c1")
    with store.db.read() as tx:
        decision = checkout.prepare(tx, shop=store.shop, wanted=wanted, now=store.now).price()
    token, until = sign_quote("secret", shop=store.shop, wanted=wanted, decision=decision)

    def read(token: str, wanted: Wanted = wanted, now: datetime = store.now) -> int:
        return quoted_total("secret", shop=store.shop, wanted=wanted, token=token, now=now)

    assert read(token) == decision.total_minor
    assert read(token, Wanted(LINES[::-1], customer_key="c1")) == decision.total_minor
    for letter in "ABCabc019_-":
        if token[-1] != letter:
            with pytest.raises(BadQuote):
                read(token[:-1] + letter)
    for wrong in ("", "x", token[1:], token + "A", "é"):
        with pytest.raises(BadQuote):
            read(wrong)
    with pytest.raises(QuoteExpired):
        read(token, now=until)
    for other in (Wanted(LINES[:1], customer_key="c1"), Wanted(LINES), Wanted(LINES, ("X",))):
        with pytest.raises(QuoteOfOtherCart):
            read(token, other)
    store.place("A", quoted=decision.total_minor)
    store.add("coupon", {"discount_minor": 500}, Terms())
    with pytest.raises(QuoteChanged):
        store.place("B", quoted=decision.total_minor)


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        (Terms(conditions=Conditions(code="two words")), "conditions.code"),
        (Terms(conditions=Conditions(min_pieces=-1)), "conditions.min_pieces"),
        (Terms(limits=Limits(total=0)), "limits.total"),
        (Terms(stacking=Stacking(excludes=("lane:moon",))), "stacking"),
        (Terms(stacking=Stacking(after=("rul_nobody",))), "stacking"),
    ],
)
def test_terms_that_cannot_hold_are_refused_by_field(
    store: Store, terms: Terms, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        store.add("coupon", {"discount_minor": 500}, terms)
    assert set(refused.value.fields) == {field}


def test_rules_that_combine_without_an_order_are_refused(store: Store) -> None:
    first = store.add("coupon", {"discount_minor": 500}, Terms())
    with pytest.raises(Invalid) as refused:
        store.add("coupon", {"discount_minor": 600}, Terms(stacking=Stacking(combines=(first,))))
    assert isinstance(refused.value.fields["stacking"], AmbiguousStack)
    ordered = Stacking(combines=(first,), after=(first,))
    assert store.add("coupon", {"discount_minor": 600}, Terms(stacking=ordered))


def test_a_second_ladder_for_the_same_products_says_how_it_stacks(store: Store) -> None:
    steps = {"steps": [{"threshold_minor": 50_000, "discount_minor": 5_000}]}
    with pytest.raises(Invalid) as refused:
        store.add("threshold_ladder", steps, Terms())
    assert set(refused.value.fields) == {"conditions.products"}
    assert store.add("threshold_ladder", steps, Terms(stacking=Stacking(("lane:shop",))))

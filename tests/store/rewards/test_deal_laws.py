"""The laws of what orders hold: each reservation ends once, all that comes back comes back whole.

Generated lives of orders that spend coupons, points, flash stock, places in groups and deposits,
by several customers, with time going by in between. At the end of all time nothing is held, every
group and deposit is decided, and every buyer has paid what the policy says.
"""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from springtide.domain.access.act import Act
from springtide.domain.ledger.queries import imbalances
from springtide.domain.orders.model import Order, OrderState
from springtide.domain.orders.queries import order_returns, orders_page
from springtide.domain.pricing.rule import Conditions, Limits, ProductSet
from springtide.domain.rewards.deposits import pay_deposit
from springtide.domain.rewards.groups import groups_of, members_of
from springtide.domain.rewards.model import Claim, Group, Reward
from springtide.domain.rewards.points import adjust_points
from springtide.domain.rewards.queries import claims_of_reward
from springtide.domain.rewards.refunds import refunds_page
from springtide.domain.rewards.states import ClaimState
from springtide.kit.db import Database
from springtide.kit.errors import Refusal
from springtide.kit.ids import outward
from tests.kit.shops import ACTOR
from tests.kit.till import Till

START = datetime(2025, 11, 11, 2, 0, tzinfo=UTC)
FIRST, SECOND = 16_800, 15_500
SIZE, DEPOSIT, WORTH = 3, 1_000, 2_500
POT = Conditions(products=ProductSet(keys=("pot",)), is_issued=True)
PEOPLE = ("c1", "c2", "c3", "c4")
people = st.sampled_from(PEOPLE)


class Deals(RuleBasedStateMachine):
    """A shop in its sale, and customers who do as they like."""

    database: Database

    def __init__(self) -> None:
        super().__init__()
        till = self.till = Till(self.database, START)
        self.group_rule = till.rule("fixed_price", {"price_minor": FIRST}, POT)
        tiers = [{"people": 2, "unit_minor": FIRST}, {"people": SIZE, "unit_minor": SECOND}]
        params = {"rule": self.group_rule, "product_key": "pot", "tiers": tiers, "hours": 2}
        self.groups = till.reward("group_buy", params, quantity=9, per_customer=None)
        flash = {"rule": self.group_rule, "product_key": "pot", "pay_minutes": 20}
        self.flash = till.reward("flash", flash, quantity=4, per_customer=None)
        coupon = till.rule("coupon", {"discount_minor": 500}, Conditions(is_issued=True))
        self.coupon = till.reward("coupon", {"rule": coupon}, quantity=5, per_customer=2)
        #: Everybody's, two a customer, five in all, and 12.00 of it.
        self.limited = till.rule(
            "amount_off",
            {"amount_minor": 300},
            Conditions(),
            Limits(per_customer=2, total=5, money_minor=1_200),
        )
        packet = till.rule("red_packet", {}, POT)
        presale = {
            "rule": packet,
            "product_key": "pot",
            "deposit_minor": DEPOSIT,
            "worth_minor": WORTH,
            "balance_after_hours": 0,
            "balance_hours": 6,
            "if_buyer_fails": "pay_back",
        }
        self.presale = till.reward("presale", presale, quantity=4, per_customer=None, hours=1)
        till.rule("points", {}, Conditions())
        for customer in PEOPLE:
            with till.db.write() as tx:
                adjust_points(
                    Act.of(tx, till.shop, ACTOR, START),
                    customer_key=customer,
                    amount=300,
                    reason="welcome",
                )
        self.begin = till.standing()
        self.number = 0

    def fresh(self) -> str:
        self.number += 1
        return f"n{self.number}"

    @rule(customer=people, what=st.sampled_from(["coupon", "flash", "groups", "presale"]))
    def take(self, customer: str, what: str) -> None:
        """Claim something, or open a group."""
        self.till.claim(getattr(self, what), customer, phrase=self.fresh())

    @rule(customer=people, place=st.integers(0, 3))
    def join(self, customer: str, place: int) -> None:
        """Join one of the groups that there are."""
        found = self.found_groups()
        if found:
            key = found[place % len(found)].key
            self.till.claim(self.groups, customer, group=key, phrase=self.fresh())

    @rule(several=st.lists(people, min_size=1, max_size=4, unique=True), again=st.booleans())
    def buy_together(self, several: list[str], again: bool) -> None:
        """Open a group, or join the newest one; order and pay at once."""
        for customer in several:
            found = self.found_groups()
            group = found[0].key if found and (again or customer != several[0]) else None
            self.till.claim(self.groups, customer, group=group, phrase=self.fresh())
            key = self.fresh()
            with suppress(Refusal):
                self.till.place(key, 1, customer)
                self.till.pay(key)

    @rule(customer=people)
    def deposit(self, customer: str) -> None:
        """Claim a presale and pay its deposit."""
        self.till.claim(self.presale, customer, phrase=self.fresh())
        for claim in self.claims(self.presale, customer):
            with suppress(Refusal), self.till.db.write() as tx:
                pay_deposit(
                    Act.of(tx, self.till.shop, ACTOR, self.till.now),
                    claim_key=outward("clm", claim.id),
                    payment_key=f"wx-{claim.id}",
                    amount_minor=DEPOSIT,
                )

    @rule(
        customer=people,
        pieces=st.integers(1, 2),
        points=st.sampled_from([0, 200]),
        is_paid=st.booleans(),
    )
    def place(self, customer: str, pieces: int, points: int, is_paid: bool) -> None:
        """Place an order with all that the customer holds."""
        key = self.fresh()
        with suppress(Refusal):
            self.till.place(key, pieces, customer, points)
            if is_paid:
                self.till.pay(key)

    @rule(place=st.integers(0, 9), end=st.sampled_from(["pay", "pay", "close"]))
    def end(self, place: int, end: str) -> None:
        """Pay or close an order, whatever became of it."""
        found = self.orders()
        if found:
            with suppress(Refusal):
                getattr(self.till, end)(found[place % len(found)].key)

    @rule(place=st.integers(0, 9))
    def send_back(self, place: int) -> None:
        """Send a piece back."""
        found = self.orders(OrderState.PAID)
        if found:
            with suppress(Refusal):
                self.till.take_back(found[place % len(found)].key, 1, self.fresh())

    @rule(minutes=st.sampled_from([1, 10, 21, 59, 120]))
    def wait(self, minutes: int) -> None:
        """Let time go by; the worker looks after things."""
        self.till.now += timedelta(minutes=minutes)
        self.till.look_after()

    @invariant()
    def all_adds_up(self) -> None:
        """The ledger sums to zero, no group is over its size, nobody got more than they paid."""
        with self.database.read() as tx:
            assert imbalances(tx, shop_id=self.till.shop.id) == []
        standing = self.till.standing()
        for found in self.found_groups():
            paid, _, waiting = standing[f"{self.groups.key}:group:{found.key}"]
            assert 0 <= paid + waiting <= SIZE
        for part, most in (("total", 5), ("money", 1_200), *((f"own:{c}", 2) for c in PEOPLE)):
            used, _, waiting = standing.get(f"uses:{self.limited}:{part}", (0, 0, 0))
            assert 0 <= used + waiting <= most
        for order in self.orders():
            assert 0 <= order.refunded_minor <= order.total_minor + order.deposit_minor

    def teardown(self) -> None:
        """At the end of all time nothing is open, and all was paid as it should be."""
        self.till.now += timedelta(days=2)
        for order in self.orders(OrderState.PLACED):
            self.till.close(order.key)
        for _ in range(3):
            self.till.look_after()
        for key, (_, held, awaiting) in self.till.standing().items():
            assert held == awaiting == 0, key
        for reward in (self.coupon, self.flash, self.groups, self.presale):
            open_ = {ClaimState.RESERVED, ClaimState.DEPOSITED}
            assert not open_ & {claim.state for claim in self.claims(reward)}
        owed = self.owed()
        self.groups_are_settled(owed)
        self.deposits_are_decided(owed)
        self.uses_are_those_of_kept_orders()
        self.all_returned_is_as_it_was()
        self.uses_are_those_of_kept_orders()

    def groups_are_settled(self, owed: dict[str, int]) -> None:
        for found in self.found_groups():
            assert found.state != "open"
            assert found.reached is not None
            assert (found.state == "short") == (found.reached < 2)
            with self.database.read() as tx:
                keys = [m.order_key for m in members_of(tx, shop_id=self.till.shop.id, found=found)]
            for order in self.orders():
                if order.key not in keys:
                    continue
                kept = self.kept(order)
                price = SECOND if found.reached == SIZE else FIRST
                paid = order.total_minor - order.refunded_minor
                expected = 0 if found.state == "short" or not kept else price
                # Points and coupons lowered what was paid; what a group gives never adds to it.
                assert paid <= expected
                if order.total_minor == FIRST:
                    assert paid == expected, found
                assert owed.get(order.key, 0) <= order.refunded_minor

    def uses_are_those_of_kept_orders(self) -> None:
        kept = [
            rule["amount_minor"]
            for order in self.orders(OrderState.PAID)
            if self.kept(order)
            for rule in order.decision["rules"]
            if rule["rule_id"] == self.limited
        ]
        standing = self.till.standing()
        for part, count in (("total", len(kept)), ("money", sum(kept))):
            assert standing.get(f"uses:{self.limited}:{part}", (0,))[0] == count

    def deposits_are_decided(self, owed: dict[str, int]) -> None:
        standing = self.till.standing()
        key = self.presale.key
        assert standing.get(f"{key}:deposits", (0,))[0] == 0
        for claim in self.claims(self.presale):
            order = next((o for o in self.orders() if o.key == claim.order_key), None)
            name = outward("clm", claim.id)
            if order is not None and order.state is OrderState.PAID:
                assert order.deposit_minor >= DEPOSIT
                assert name not in owed
        taken = -standing.get(f"{key}:paid", (0,))[0]
        back = sum(amount for about, amount in owed.items() if about.startswith("clm_"))
        ended = sum(standing.get(f"{key}:{name}", (0,))[0] for name in ("settled", "repaid"))
        assert taken == ended + back

    def all_returned_is_as_it_was(self) -> None:
        for order in self.orders(OrderState.PAID):
            if kept := self.kept(order):
                with suppress(Refusal):
                    self.till.take_back(order.key, kept, "all")
                    (after,) = [o for o in self.orders() if o.key == order.key]
                    assert after.refunded_minor == order.total_minor + order.deposit_minor
        standing = self.till.standing()
        if all(not self.kept(order) for order in self.orders(OrderState.PAID)):
            for customer in PEOPLE:
                assert standing[f"points:{customer}"][0] == 300
            for key in (f"{self.presale.key}:settled", f"{self.flash.key}:given"):
                assert standing.get(key, (0,))[0] == 0, key

    def claims(self, reward: Reward, customer: str | None = None) -> list[Claim]:
        with self.database.read() as tx:
            found = claims_of_reward(tx, reward_id=reward.id, limit=500)
        return [each for each in found if customer in (None, each.customer_key)]

    def found_groups(self) -> list[Group]:
        with self.database.read() as tx:
            return groups_of(tx, reward_id=self.groups.id)

    def orders(self, state: OrderState | None = None) -> list[Order]:
        with self.database.read() as tx:
            return orders_page(tx, shop_id=self.till.shop.id, state=state, limit=200)

    def kept(self, order: Order) -> int:
        with self.database.read() as tx:
            returns = order_returns(tx, order_id=order.id)
        back = sum(sum(each.lines.values()) for each in returns)
        return sum(line.quantity for line in order.lines) - back

    def owed(self) -> dict[str, int]:
        with self.database.read() as tx:
            found = refunds_page(tx, shop_id=self.till.shop.id, limit=200)
        return {each.about: each.amount_minor for each in found}


@pytest.mark.parametrize("examples", [12])
def test_every_deal_ends_once_and_whole(database: Database, examples: int) -> None:
    machine = type("Machine", (Deals,), {"database": database})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

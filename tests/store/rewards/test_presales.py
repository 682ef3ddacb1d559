"""Presales: deposit + balance = final price with the swell; whoever fails bears it."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from springtide.domain.access.act import Act
from springtide.domain.facts.store import tail
from springtide.domain.ledger.queries import imbalances
from springtide.domain.orders.model import Order, OrderState
from springtide.domain.orders.queries import order as read_order
from springtide.domain.pricing.rule import Conditions, ProductSet
from springtide.domain.rewards.deposits import DepositLate, DepositPaid, WrongDeposit, pay_deposit
from springtide.domain.rewards.model import Reward
from springtide.domain.rewards.operations import stop_reward
from springtide.domain.rewards.queries import claims_of_reward
from springtide.domain.rewards.refunds import refunds_page
from springtide.domain.rewards.states import ClaimState
from springtide.kit.db import Database
from springtide.kit.errors import NotFound
from springtide.kit.ids import outward
from tests.kit.shops import ACTOR
from tests.kit.till import Till

DEPOSIT, WORTH = 1_000, 2_500
#: 199.00, over the ladder's first step.
PRICE = 18_900


@pytest.fixture
def till(database: Database, now: datetime) -> Till:
    return Till(database, now)


def presale(till: Till, quantity: int = 10, **more: str) -> Reward:
    conditions = Conditions(products=ProductSet(keys=("pot",)), is_issued=True)
    rule = till.rule("red_packet", {}, conditions)
    params = {
        "rule": rule,
        "product_key": "pot",
        "deposit_minor": DEPOSIT,
        "worth_minor": WORTH,
        "balance_after_hours": 1,
        "balance_hours": 2,
        **more,
    }
    return till.reward("presale", params, quantity=quantity, per_customer=None, hours=1)


def key_of(till: Till, reward: Reward, customer: str = "c1") -> str:
    with till.db.read() as tx:
        found = claims_of_reward(tx, reward_id=reward.id)
    return next(outward("clm", each.id) for each in found if each.customer_key == customer)


def deposit(till: Till, claim: str, payment: str = "wx-1", amount: int = DEPOSIT) -> ClaimState:
    with till.db.write() as tx:
        return pay_deposit(
            Act.of(tx, till.shop, ACTOR, till.now),
            claim_key=claim,
            payment_key=payment,
            amount_minor=amount,
        ).state


def deposited(till: Till, reward: Reward, *customers: str) -> None:
    for customer in customers:
        assert till.claim(reward, customer) == "presale"
        deposit(till, key_of(till, reward, customer), f"wx-{customer}")


def order(till: Till, key: str) -> Order:
    with till.db.read() as tx:
        return read_order(tx, shop_id=till.shop.id, key=key)


def owed(till: Till) -> list[int]:
    with till.db.read() as tx:
        assert imbalances(tx, shop_id=till.shop.id) == []
        return sorted(each.amount_minor for each in refunds_page(tx, shop_id=till.shop.id))


def paid_facts(till: Till) -> list[int]:
    with till.db.read() as tx:
        rows = tx.execute(select(tail.c.amount_minor).where(tail.c.kind == "payment"))
        return sorted(rows.scalars())


def test_deposit_and_balance_are_the_price(till: Till) -> None:
    reward = presale(till)
    deposited(till, reward, "c1")
    # Before its time the deposit counts for nothing.
    till.now += timedelta(minutes=90)
    assert till.place("early").total_minor == PRICE
    till.close("early")
    till.now += timedelta(minutes=40)
    placed = till.place("o1")
    assert placed.total_minor == PRICE - WORTH
    till.pay("o1")
    paid = order(till, "o1")
    assert paid.total_minor + paid.deposit_minor == PRICE - (WORTH - DEPOSIT)
    assert paid_facts(till) == [DEPOSIT, PRICE - WORTH]
    assert till.state(reward) == [ClaimState.USED]
    standing = till.standing()
    assert standing[f"{reward.key}:deposits"] == (0, 0, 0)
    assert standing[f"{reward.key}:settled"][0] == DEPOSIT
    till.now += timedelta(days=2)
    till.look_after()
    assert owed(till) == []


def test_one_deposit_counts_for_one_piece(till: Till) -> None:
    reward = presale(till)
    assert till.claim(reward, code="1") == "presale"
    assert till.claim(reward, code="2") == "presale"
    with till.db.read() as tx:
        keys = [outward("clm", c.id) for c in claims_of_reward(tx, reward_id=reward.id)]
    for number, key in enumerate(keys):
        deposit(till, key, f"wx-{number}")
    till.now += timedelta(hours=2, minutes=1)
    first = till.place("o1")
    assert first.total_minor == PRICE - WORTH
    till.pay("o1")
    assert sorted(till.state(reward)) == [ClaimState.DEPOSITED, ClaimState.USED]
    second = till.place("o2", pieces=3)
    till.pay("o2")
    # Three pieces: 597.00, less 20 of the ladder, less one deposit's worth.
    assert second.total_minor == 3 * 19_900 - 2_000 - WORTH
    assert till.state(reward) == [ClaimState.USED] * 2


def test_a_deposit_is_paid_once_and_in_full(till: Till) -> None:
    reward = presale(till)
    till.claim(reward)
    key = key_of(till, reward)
    with pytest.raises(WrongDeposit):
        deposit(till, key, amount=DEPOSIT - 1)
    assert deposit(till, key) is ClaimState.DEPOSITED
    assert deposit(till, key) is ClaimState.DEPOSITED
    with pytest.raises(DepositPaid):
        deposit(till, key, "wx-2")
    assert till.standing()[f"{reward.key}:deposits"] == (DEPOSIT, 0, 0)
    with pytest.raises(NotFound):
        deposit(till, "clm_00000000000000000000000000")


def test_an_unpaid_deposit_gives_the_piece_back(till: Till) -> None:
    reward = presale(till, quantity=1)
    till.claim(reward)
    assert till.claim(reward, "c2") == "reward_sold_out"
    till.now += timedelta(minutes=15)
    with pytest.raises(DepositLate):
        deposit(till, key_of(till, reward))
    till.look_after()
    assert till.state(reward) == [ClaimState.OVER]
    with pytest.raises(DepositLate):
        deposit(till, key_of(till, reward))
    assert till.claim(reward, "c3") == "presale"


@pytest.mark.parametrize(("policy", "due"), [("keep_deposit", []), ("pay_back", [DEPOSIT])])
def test_a_buyer_who_does_not_pay(till: Till, policy: str, due: list[int]) -> None:
    reward = presale(till, if_buyer_fails=policy)
    deposited(till, reward, "c1")
    till.now += timedelta(hours=2, minutes=30)
    till.place("o1")
    till.now += timedelta(hours=2)
    for _ in range(2):
        till.look_after()
        assert order(till, "o1").state is OrderState.CLOSED
        assert till.state(reward) == [ClaimState.OVER]
        assert owed(till) == due
    standing = till.standing()
    assert standing.get(f"{reward.key}:forfeited", (0,))[0] == DEPOSIT - sum(due)
    assert standing[f"{reward.key}:deposits"] == (0, 0, 0)
    assert standing[f"{reward.key}:given"] == (0, 0, 0)


@pytest.mark.parametrize(
    ("policy", "due"), [("pay_double", [DEPOSIT, DEPOSIT]), ("pay_back", [DEPOSIT])]
)
def test_a_shop_that_stops_it(till: Till, policy: str, due: list[int]) -> None:
    reward = presale(till, if_shop_fails=policy)
    deposited(till, reward, "c1", "c2")
    till.now += timedelta(hours=2, minutes=30)
    till.place("o1")
    till.pay("o1")
    with till.db.write() as tx:
        stop_reward(Act.of(tx, till.shop, ACTOR, till.now), reward_id=reward.id)
    till.look_after()
    # Whoever has paid the balance keeps the order; the other is paid back.
    assert owed(till) == due
    assert sorted(till.state(reward)) == [ClaimState.OVER, ClaimState.USED]
    till.look_after()
    assert owed(till) == due


def test_a_stopped_presale_takes_no_deposit(till: Till) -> None:
    reward = presale(till)
    till.claim(reward)
    with till.db.write() as tx:
        stop_reward(Act.of(tx, till.shop, ACTOR, till.now), reward_id=reward.id)
    with pytest.raises(DepositLate):
        deposit(till, key_of(till, reward))
    assert owed(till) == []


def test_a_closed_balance_may_be_tried_again(till: Till) -> None:
    reward = presale(till)
    deposited(till, reward, "c1")
    till.now += timedelta(hours=2, minutes=1)
    till.place("o1")
    assert till.state(reward) == [ClaimState.RESERVED]
    till.close("o1")
    assert till.state(reward) == [ClaimState.DEPOSITED]
    assert till.place("o2").total_minor == PRICE - WORTH
    till.pay("o2")
    assert till.state(reward) == [ClaimState.USED]


def test_all_that_was_paid_comes_back(till: Till) -> None:
    reward = presale(till)
    before = till.standing()
    deposited(till, reward, "c1")
    till.now += timedelta(hours=2, minutes=1)
    till.place("o1")
    till.pay("o1")
    till.take_back("o1", 1)
    assert order(till, "o1").refunded_minor == PRICE - WORTH + DEPOSIT
    assert till.state(reward) == [ClaimState.OVER]
    after = till.standing()
    assert {key: after[key] for key in before} == before


def test_parts_come_back_as_the_whole(till: Till) -> None:
    reward = presale(till)
    deposited(till, reward, "c1")
    till.now += timedelta(hours=2, minutes=1)
    whole = till.place("o1", pieces=3)
    till.pay("o1")
    for number in range(3):
        till.take_back("o1", 1, f"r{number}")
    assert order(till, "o1").refunded_minor == whole.total_minor + DEPOSIT

"""Clocks that were ahead: once they step back, what they hold comes back in its own time, once."""

import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from springtide.domain.access.act import Act
from springtide.domain.access.operations import set_clock
from springtide.domain.access.queries import shop_by_id
from springtide.domain.ledger.model import Chain, Opening, Post, ReservationExpired, Transfer
from springtide.domain.ledger.operations import expire_due, move, transact
from springtide.domain.rewards.groups import groups_of
from springtide.domain.rewards.model import Claim, Group, Reward
from springtide.domain.rewards.queries import claims_of_reward
from springtide.domain.rewards.states import ClaimState
from springtide.flows import worker
from springtide.flows.ahead import BATCH, count_anew
from springtide.kit.db import Database
from springtide.kit.time import SimulatedClock
from tests.kit.house import TestHouse
from tests.kit.rewards import attempt, claimed, codes
from tests.kit.shops import ACTOR, new_shop
from tests.kit.till import ISSUED, Till

DAY = timedelta(days=1)
HOLD = timedelta(minutes=15)


@pytest.fixture
def till(database: Database, now: datetime) -> Till:
    return Till(database, now)


def flash_of(till: Till, pieces: int = 1) -> Reward:
    rule = till.rule("fixed_price", {"price_minor": 16_800}, ISSUED)
    params = {"rule": rule, "product_key": "pot", "pay_minutes": 15}
    return till.reward("flash", params, quantity=pieces, per_customer=None, hours=72)


def recount(till: Till) -> int:
    return count_anew(till.db, shop=till.shop, real_now=lambda: till.now)


def claim_in(till: Till, reward: Reward) -> Claim:
    with till.db.read() as tx:
        (found,) = claims_of_reward(tx, reward_id=reward.id)
    return found


def group_in(till: Till, reward: Reward) -> Group:
    with till.db.read() as tx:
        (found,) = groups_of(tx, reward_id=reward.id)
    return found


def wait_for(is_so: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_worker_gives_back_what_a_clock_ahead_reserved(house: TestHouse) -> None:
    till = Till(house.db, house.clock)
    flash, back = flash_of(till), house.clock
    till.now = back + DAY
    assert till.claim(flash) == "flash"
    stopping = threading.Event()
    running = threading.Thread(target=worker.run, args=(house, stopping))
    running.start()
    try:
        wait_for(lambda: claim_in(till, flash).expires_at == back + HOLD)
        assert till.standing()[flash.left] == (1, 1, 0)
        house.clock = back + HOLD
        wait_for(lambda: till.standing()[flash.left] == (1, 0, 0))
    finally:
        stopping.set()
        running.join(20)
    till.now = house.clock
    assert till.claim(flash, "c2") == "flash"


def test_it_is_counted_once_and_given_back_once(till: Till) -> None:
    flash, back = flash_of(till), till.now
    till.now += DAY
    till.claim(flash)
    till.now = back
    # Its transfer and what it bounds.
    assert recount(till) > 0
    for minutes in (1, 5, 9):
        till.now = back + timedelta(minutes=minutes)
        assert (recount(till), till.look_after()) == (0, 0)
        assert claim_in(till, flash).expires_at == back + HOLD
    assert till.claim(flash, "c2") == "reward_sold_out"
    till.now = back + HOLD
    assert till.look_after() > 0
    before = till.standing()
    assert before[flash.left] == (1, 0, 0)
    assert (recount(till), till.look_after(), till.standing()) == (0, 0, before)
    assert till.claim(flash, "c2") == "flash"


def test_an_order_of_it_closes_in_time_or_is_paid_in_time(till: Till) -> None:
    flash, back = flash_of(till, pieces=2), till.now
    till.now += DAY
    for customer in ("c1", "c2"):
        till.claim(flash, customer)
        till.place(f"o-{customer}", customer=customer)
    till.now = back
    assert recount(till) > 0
    till.now = back + HOLD - timedelta(minutes=1)
    till.look_after()
    till.pay("o-c1")
    till.now = back + HOLD
    till.look_after()
    assert sorted(till.state(flash)) == [ClaimState.OVER, ClaimState.USED]
    assert till.standing()[flash.left] == (1, 0, 0)


def test_what_was_paid_stays_paid(till: Till) -> None:
    flash, back = flash_of(till), till.now
    till.now += DAY
    till.claim(flash)
    till.place("o1")
    till.pay("o1")
    before = till.standing()
    for at in (back, back + HOLD, back + DAY + HOLD):
        till.now = at
        assert recount(till) == 0
        till.look_after()
        assert (till.state(flash), till.standing()[flash.left]) == (
            [ClaimState.USED],
            before[flash.left],
        )


def test_clocks_that_differ_a_little_change_nothing(till: Till) -> None:
    flash, back = flash_of(till), till.now
    till.now += timedelta(seconds=59)
    till.claim(flash)
    until = till.now + HOLD
    till.now = back
    assert recount(till) == 0
    assert claim_in(till, flash).expires_at == until


def test_a_group_of_a_clock_ahead_is_decided_in_its_own_time(till: Till) -> None:
    rule = till.rule("fixed_price", {"price_minor": 16_800}, ISSUED)
    params = {
        "rule": rule,
        "product_key": "pot",
        "tiers": [{"people": 2, "unit_minor": 16_800}],
        "hours": 2,
    }
    reward = till.reward("group_buy", params, quantity=100, per_customer=None, hours=72)
    back = till.now
    till.now += DAY
    assert codes(claimed(till.db, till.shop, attempt(reward.id, "c1"), now=till.now)) == ["group"]
    till.place("o1")
    till.pay("o1")
    till.now = back
    assert recount(till) == 1
    assert group_in(till, reward).ends_at == back + timedelta(hours=2)
    till.now = back + timedelta(hours=1)
    till.look_after()
    assert (recount(till), group_in(till, reward).state) == (0, "open")
    till.now = back + timedelta(hours=2)
    till.look_after()
    assert group_in(till, reward).state == "short"


def test_a_group_that_ends_with_its_reward_ends_by_the_calendar(till: Till) -> None:
    rule = till.rule("fixed_price", {"price_minor": 16_800}, ISSUED)
    tiers = [{"people": 2, "unit_minor": 16_800}]
    params = {"rule": rule, "product_key": "pot", "tiers": tiers, "hours": 2}
    reward = till.reward("group_buy", params, quantity=9, per_customer=None, hours=24)
    back = till.now
    till.now += DAY - timedelta(minutes=30)
    assert codes(claimed(till.db, till.shop, attempt(reward.id, "c1"), now=till.now)) == ["group"]
    till.now = back
    assert recount(till) > 0  # the place is to be paid
    assert group_in(till, reward).ends_at == reward.closes_at
    till.now = back + HOLD
    till.look_after()
    assert till.standing()[reward.left] == (9, 0, 0)


def test_a_presale_gives_its_piece_back_unless_its_deposit_is_paid(till: Till) -> None:
    rule = till.rule("red_packet", {}, ISSUED)
    params = {
        "rule": rule,
        "product_key": "pot",
        "deposit_minor": 1_000,
        "worth_minor": 2_500,
        "balance_after_hours": 1,
    }
    reward = till.reward("presale", params, quantity=1, per_customer=None, hours=72)
    back = till.now
    till.now += DAY
    assert till.claim(reward) == "presale"
    till.now = back
    assert recount(till) > 0
    till.now = back + HOLD
    till.look_after()
    assert till.state(reward) == [ClaimState.OVER]
    assert till.claim(reward, "c2") == "presale"


def test_a_simulated_clock_set_forward_meanwhile_shortens_nothing(till: Till) -> None:
    """The look began with the clock as it was; what is new by the clock set since is not ahead."""
    flash, back = flash_of(till), till.now
    stale = till.shop
    till.now += DAY
    till.claim(flash)
    with till.db.write() as tx:
        clock = SimulatedClock(shows=till.now, set_at=back)
        set_clock(Act(tx, till.shop, ACTOR, back, back), clock=clock)
    assert count_anew(till.db, shop=stale, real_now=lambda: back) == 0
    assert claim_in(till, flash).expires_at == till.now + HOLD
    # Set back by its owner: the whole hold begins anew, by the clock that is shown.
    with till.db.write() as tx:
        clock = SimulatedClock(shows=back, set_at=back)
        set_clock(Act(tx, till.shop, ACTOR, back, back), clock=clock)
        assert shop_by_id(tx, shop_id=till.shop.id).now(back) == back
    assert count_anew(till.db, shop=stale, real_now=lambda: back) > 0
    assert claim_in(till, flash).expires_at == back + HOLD


def test_a_look_that_stood_still_takes_nothing_new_for_ahead(till: Till) -> None:
    """A worker that is frozen between its look and its write goes by the time it wakes up at."""
    flash, back = flash_of(till), till.now
    till.now += timedelta(minutes=10)
    till.claim(flash)
    instants = iter([back, back])
    assert count_anew(till.db, shop=till.shop, real_now=lambda: next(instants, till.now)) == 0
    assert claim_in(till, flash).expires_at == till.now + HOLD


def test_a_fast_simulated_clock_may_differ_as_much_faster(till: Till) -> None:
    flash, back = flash_of(till), till.now
    with till.db.write() as tx:
        clock = SimulatedClock(shows=back, set_at=back, speed=600.0)
        set_clock(Act(tx, till.shop, ACTOR, back, back), clock=clock)
    till.now += timedelta(minutes=10)  # a second later by another machine
    till.claim(flash)
    assert count_anew(till.db, shop=till.shop, real_now=lambda: back) == 0


def test_what_somebody_is_at_work_on_is_left_for_the_next_look(till: Till) -> None:
    if till.db.is_sqlite:
        pytest.skip("SQLite has one writer at a time")
    flash, back = flash_of(till), till.now
    till.now += DAY
    till.claim(flash)
    till.now = back
    with till.db.write() as tx:
        # As whoever pays a deposit has it.
        tx.exec_driver_sql("select id from reward_claims for update")
        assert recount(till) == 0
    assert recount(till) > 0
    assert recount(till) == 0


def test_any_reservation_of_the_ledger_and_more_than_a_batch(
    database: Database, now: datetime
) -> None:
    shop, count = new_shop(database, now=now), BATCH + 7
    openings = (Opening("stock", "pieces", low=None), Opening("sold", "pieces"))
    ahead = now + DAY
    chains = [
        Chain(
            (Transfer(f"t{row}", "stock", "sold", 1, reserve=True, expires_at=ahead + HOLD),),
            openings,
        )
        for row in range(count)
    ]
    with database.write() as tx:
        assert transact(tx, shop=shop, chains=chains, now=ahead) == [None] * count
        move(tx, shop=shop, chain=Chain((Post("t0"),)), now=ahead)
    assert count_anew(database, shop=shop, real_now=lambda: now) == count - 1
    assert count_anew(database, shop=shop, real_now=lambda: now) == 0
    with database.write() as tx, pytest.raises(ReservationExpired):
        move(tx, shop=shop, chain=Chain((Post("t1"),)), now=now + HOLD)
    with database.write() as tx:
        assert expire_due(tx, shop=shop, now=now + HOLD, limit=count) == count - 1
        assert expire_due(tx, shop=shop, now=now + DAY + HOLD, limit=count) == 0

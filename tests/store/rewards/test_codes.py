"""Codes: unguessable, each good for one claim, whoever types them how; on both databases."""

from contextlib import suppress
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from springtide.domain.access.act import Act
from springtide.domain.access.model import Shop
from springtide.domain.rewards.codes import (
    LENGTH,
    CodeMistyped,
    NoCodes,
    check_letter,
    codes_of,
    fresh,
    make_codes,
    normal,
    written,
)
from springtide.domain.rewards.model import Reward
from springtide.domain.rewards.store import codes as codes_table
from springtide.kit.db import Database
from springtide.kit.errors import Invalid
from tests.kit.rewards import RULE, attempt, claimed, codes, published
from tests.kit.shops import ACTOR, new_shop

LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def test_codes_differ_and_are_well_formed() -> None:
    made = fresh(5_000)
    assert len(set(made)) == 5_000
    assert made == sorted(made)
    assert all(normal(written(code).lower()) == code for code in made)
    # Every letter of the random part is drawn about as often as any other.
    counts = [sum(code[:11].count(letter) for code in made) for letter in LETTERS]
    expected = 5_000 * 11 / 32
    assert sum((seen - expected) ** 2 / expected for seen in counts) < 61.1


@given(st.data())
def test_a_slip_of_the_keyboard_is_noticed(data: st.DataObject) -> None:
    # Drawn, not fresh: a strategy that hangs on real chance differs when it is played again.
    body = data.draw(st.text(LETTERS, min_size=LENGTH - 1, max_size=LENGTH - 1))
    code = body + check_letter(body)
    assert normal(code) == code
    place = data.draw(st.integers(0, LENGTH - 1))
    other = data.draw(st.sampled_from(LETTERS).filter(lambda letter: letter != code[place]))
    with pytest.raises(CodeMistyped):
        normal(code[:place] + other + code[place + 1 :])


@given(st.text(max_size=30))
def test_any_text_is_a_code_or_mistyped(text: str) -> None:
    with suppress(CodeMistyped):
        assert len(normal(text)) == LENGTH


@pytest.fixture
def shop(database: Database, now: datetime) -> Shop:
    return new_shop(database, now=now)


def coded(database: Database, shop: Shop, now: datetime, count: int) -> tuple[Reward, list[str]]:
    """Return a reward that needs a code, and its codes."""
    reward = published(
        database,
        shop,
        "coupon",
        {"rule": RULE},
        now=now,
        quantity=100,
        per_customer=None,
        needs_code=True,
    )
    with database.write() as tx:
        batch = make_codes(Act.of(tx, shop, ACTOR, now), reward=reward, count=count)
    with database.read() as tx:
        return reward, [code for code, _ in codes_of(tx, reward_id=reward.id, batch=batch)]


def test_a_code_is_good_for_one_claim(database: Database, shop: Shop, now: datetime) -> None:
    reward, made = coded(database, shop, now, 3)
    other, others = coded(database, shop, now, 1)
    tries = [
        attempt(reward.id, "c1", "k:1", code=made[0]),
        attempt(reward.id, "c2", "k:2", code=made[0].lower().replace("-", " ")),
        attempt(reward.id, "c3", "k:3", code=others[0]),
        attempt(reward.id, "c4", "k:4", code="0000-0000-0001"),
        attempt(reward.id, "c5", "k:5"),
        attempt(reward.id, "c1", "k:1", code=made[0]),
        attempt(reward.id, "c6", "k:6", code=made[1]),
    ]
    wanted = [
        "coupon", "code_used", "code_unknown", "code_mistyped", "code_missing", "coupon", "coupon",
    ]  # fmt: skip
    assert codes(claimed(database, shop, *tries, now=now)) == wanted
    # Again, in batches of one, it is the same.
    assert [codes(claimed(database, shop, each, now=now))[0] for each in tries] == wanted
    with database.read() as tx:
        used = tx.execute(
            select(codes_table.c.code).where(codes_table.c.claim_id.is_not(None))
        ).scalars()
        assert {written(code) for code in used} == set(made[:2])
        listed = dict(codes_of(tx, reward_id=reward.id, batch=1))
    assert listed == {made[0]: True, made[1]: True, made[2]: False}
    assert other.key != reward.key


def test_a_public_code_is_for_everybody(database: Database, shop: Shop, now: datetime) -> None:
    reward = published(
        database, shop, "coupon", {"rule": RULE}, now=now, quantity=9, public_code="Spring 618"
    )
    tries = [
        attempt(reward.id, "c1", code="spring618"),
        attempt(reward.id, "c2", code="ＳＰＲＩＮＧ－618"),
        attempt(reward.id, "c3", code="summer"),
        attempt(reward.id, "c4"),
    ]
    assert codes(claimed(database, shop, *tries, now=now)) == [
        "coupon", "coupon", "code_unknown", "code_missing",
    ]  # fmt: skip


def test_batches_have_a_size_and_a_reward_that_needs_them(
    database: Database, shop: Shop, now: datetime
) -> None:
    reward, _ = coded(database, shop, now, 1)
    plain = published(database, shop, "coupon", {"rule": RULE}, now=now, quantity=9)
    with database.write() as tx:
        for count in (0, -1, 1_000_001):
            with pytest.raises(Invalid):
                make_codes(Act.of(tx, shop, ACTOR, now), reward=reward, count=count)
        with pytest.raises(NoCodes):
            make_codes(Act.of(tx, shop, ACTOR, now), reward=plain, count=1)
        assert make_codes(Act.of(tx, shop, ACTOR, now), reward=reward, count=2) == 2

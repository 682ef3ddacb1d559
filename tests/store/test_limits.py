"""Limits are kept where things are written, on both databases, with a word that names the place."""

from datetime import datetime
from pathlib import Path
from uuid import uuid4

import pytest

from springtide.cli import draw as draw_command
from springtide.domain.facts import operations as facts
from springtide.domain.facts.model import PROPS_LENGTH_MAX, BadFact, Fact
from springtide.domain.ledger.model import (
    KEY_LENGTH_MAX,
    OWNER_LENGTH_MAX,
    BadTransfer,
    Chain,
    Opening,
)
from springtide.domain.ledger.operations import transact
from springtide.domain.ledger.queries import accounts_page
from springtide.domain.rewards import proof
from springtide.domain.rewards.games.draw import Draw, Prize
from springtide.domain.rewards.model import Terms
from tests.kit.house import TestHouse, shop_in


def test_props_of_a_fact_are_bounded(house: TestHouse, now: datetime) -> None:
    def fact(length: int) -> Fact:
        return Fact(
            shop="tide", kind="view", occurred_at=now, source="test", external_id=f"v{length}",
            props={"a": "x" * length},
        )  # fmt: skip

    around = len('{"a":""}')
    with house.db.write() as tx:
        assert facts.append(tx, [fact(PROPS_LENGTH_MAX - around)], now=now).new == 1
        with pytest.raises(BadFact) as refused:
            facts.append(tx, [fact(PROPS_LENGTH_MAX - around + 1)], now=now)
    assert refused.value.facts["column"] == "props"
    assert len(str(refused.value)) < 200


def test_the_owner_of_an_account_is_bounded(house: TestHouse) -> None:
    shop, now = shop_in(house), house.real_now()
    with house.db.write() as tx:
        opened = Chain((), (Opening("a", "points", "o" * OWNER_LENGTH_MAX),))
        longer = Chain((), (Opening("b", "points", "o" * (OWNER_LENGTH_MAX + 1)),))
        named = Chain((), (Opening("c" * (KEY_LENGTH_MAX + 1), "points"),))
        outcomes = transact(tx, shop=shop, chains=[opened, longer, named], now=now)
    assert outcomes[0] is None
    assert [type(each) for each in outcomes[1:]] == [BadTransfer, BadTransfer]
    assert "owner" in str(outcomes[1])
    with house.db.read() as tx:
        assert [each.key for each in accounts_page(tx, shop_id=shop.id, limit=9)] == ["a"]


def test_a_draw_takes_no_more_entries_than_its_list_can_prove() -> None:
    draw = Draw(prizes=(Prize("Tea", "gift", 1, 1_000),))
    assert "quantity" not in draw.problems(Terms(quantity=proof.ENTRIES_MAX))
    assert "quantity" in draw.problems(Terms(quantity=proof.ENTRIES_MAX + 1))


def test_a_list_of_too_many_entries_is_refused_before_it_is_drawn_again() -> None:
    entries = (proof.Entry(1, "a", None),) * (proof.ENTRIES_MAX + 1)
    found = proof.DrawList("rwd_1", "no promise", "00", (), entries)
    with pytest.raises(proof.ProofFailed, match="more than 5,000,000 entries"):
        proof.verify(found)


def test_a_file_too_large_for_a_list_is_refused(tmp_path: Path) -> None:
    file = tmp_path / f"{uuid4()}.json"
    with file.open("wb") as opened:
        opened.truncate(draw_command.FILE_BYTES_MAX + 1)
    with pytest.raises(proof.ProofFailed, match="larger than"):
        draw_command.verify(file)

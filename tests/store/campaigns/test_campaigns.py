"""Campaigns and prices in the state database, on both engines."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import Connection

from springtide.domain.access.act import Act
from springtide.domain.access.model import Actor, Shop
from springtide.domain.access.operations import create_shop
from springtide.domain.campaigns import operations, queries, tasks
from springtide.domain.campaigns.model import Goals, Hero, Status
from springtide.domain.campaigns.operations import StaleForm, draft_of
from springtide.domain.pricing import operations as pricing
from springtide.domain.pricing import queries as prices
from springtide.domain.pricing.book import BelowFloor, BookPrice, BookSaved, NotBelowRegular
from springtide.domain.pricing.model import PriceFacts
from springtide.kit.db import Database
from springtide.kit.errors import Invalid
from springtide.kit.ids import uuid7

ACTOR = Actor("command", "test", "Test")
LADDER = {"steps": [{"threshold_minor": 16900, "discount_minor": 1000}]}
BOOK = {"a": BookPrice(1000, 700), "b": BookPrice(2000, 1400), "c": BookPrice(500)}


@pytest.fixture
def shop(database: Database, now: datetime) -> Shop:
    """A shop in New York."""
    with database.write() as tx:
        return create_shop(
            tx,
            slug="demo",
            name="Demo",
            currency="USD",
            zone_name="America/New_York",
            actor=ACTOR,
            now=now,
        )


def priced(tx: Connection, shop: Shop, now: datetime) -> None:
    """Put three products into the price book."""
    saved = pricing.set_book_prices(Act.of(tx, shop, ACTOR, now), prices=BOOK, why="import")
    assert saved == BookSaved(3, 0, 0)


def active(tx: Connection, shop: Shop, now: datetime) -> list[str]:
    """Return the kinds of the rules that are switched on."""
    plan = prices.active_plan(tx, shop_id=shop.id, zone=shop.zone_name, now=now)
    return [each.kind for each in plan.rules]


def state(tx: Connection, shop: Shop, now: datetime) -> dict[str, PriceFacts]:
    """Return all prices that hold."""
    return prices.current_prices(tx, shop_id=shop.id, keys="abc", now=now)


def test_campaign_prices_set_twice_are_set_once_and_undone_leave_nothing(
    database: Database, shop: Shop, now: datetime
) -> None:
    campaign_id = uuid7(now)
    with database.write() as tx:
        priced(tx, shop, now)
        before = state(tx, shop, now)
        receipts = [
            pricing.set_campaign_prices(
                Act.of(tx, shop, ACTOR, now + timedelta(seconds=again)),
                campaign_id=campaign_id,
                prices={"a": 800, "b": 1500},
            )
            for again in (1, 2)
        ]
        assert receipts[0] == receipts[1]
        assert [facts.unit_minor for facts in state(tx, shop, now).values()] == [800, 1500, 500]
        history = prices.price_history(tx, shop_id=shop.id, product_key="a")
        assert [change.to_minor for change in history if change.what == "campaign"] == [800]
        undone = [
            pricing.restore_prices(Act.of(tx, shop, ACTOR, now), receipt=receipts[0])
            for _ in (1, 2)
        ]
        assert undone == [2, 0]
        assert state(tx, shop, now) == before


def test_a_campaign_price_is_refused_outside_floor_and_regular_price(
    database: Database, shop: Shop, now: datetime
) -> None:
    with database.write() as tx:
        priced(tx, shop, now)
        with pytest.raises(Invalid) as refused:
            pricing.set_campaign_prices(
                Act.of(tx, shop, ACTOR, now),
                campaign_id=uuid7(now),
                prices={"a": 699, "b": 2000, "c": 100},
            )
        fields = refused.value.fields
        assert {key: type(refusal) for key, refusal in fields.items()} == {
            "prices.a": BelowFloor,
            "prices.b": NotBelowRegular,
        }
        assert str(fields["prices.a"]) == "a: 6.99 is below the floor of 7.00."
        assert all(facts.campaign_minor is None for facts in state(tx, shop, now).values())


def test_a_campaign_price_ends_with_its_window_even_when_nobody_withdraws_it(
    database: Database, shop: Shop, now: datetime
) -> None:
    ends_at = now + timedelta(hours=2)
    with database.write() as tx:
        priced(tx, shop, now)
        pricing.set_campaign_prices(
            Act.of(tx, shop, ACTOR, now),
            campaign_id=uuid7(now),
            prices={"a": 800},
            starts_at=now + timedelta(hours=1),
            ends_at=ends_at,
        )
        moments = [now, now + timedelta(hours=1), ends_at - timedelta(microseconds=1), ends_at]
        assert [state(tx, shop, at)["a"].unit_minor for at in moments] == [1000, 800, 800, 1000]


def test_the_lowest_price_counts_what_held_at_the_start_of_the_thirty_days(
    database: Database, shop: Shop, now: datetime
) -> None:
    with database.write() as tx:
        steps = [(-90, 400), (-60, 700), (-20, 900), (-10, 1000)]
        for days, regular in steps:
            pricing.set_book_prices(
                Act.of(tx, shop, ACTOR, now + timedelta(days=days)),
                prices={"a": BookPrice(regular)},
                why="test",
            )
        assert prices.lowest_prices(tx, shop_id=shop.id, keys=["a"], now=now) == {"a": 700}


def test_rules_hold_while_they_are_active_and_keep_their_versions(
    database: Database, shop: Shop, now: datetime
) -> None:
    campaign_id = uuid7(now)
    with database.write() as tx:
        rule = pricing.save_rule(
            Act.of(tx, shop, ACTOR, now),
            campaign_id=campaign_id,
            rule_id=None,
            kind="threshold_ladder",
            params=LADDER,
        )
        assert active(tx, shop, now) == []
        for _ in (1, 2):
            receipt = pricing.activate_rules(Act.of(tx, shop, ACTOR, now), campaign_id=campaign_id)
        assert active(tx, shop, now) == ["threshold_ladder"]
        changed = pricing.save_rule(
            Act.of(tx, shop, ACTOR, now),
            campaign_id=campaign_id,
            rule_id=rule.id,
            kind="threshold_ladder",
            params={"steps": [{"threshold_minor": 20000, "discount_minor": 1000}]},
        )
        assert changed.version == 2
        assert prices.rule_version(tx, shop_id=shop.id, rule_id=rule.id, version=1)[1] == LADDER
        off = [
            pricing.deactivate_rules(Act.of(tx, shop, ACTOR, now), receipt=receipt) for _ in (1, 2)
        ]
        assert off == [1, 0]
        assert active(tx, shop, now) == []


def test_a_campaign_starts_from_the_template_and_derives_its_status(
    database: Database, shop: Shop, now: datetime
) -> None:
    with database.write() as tx:
        priced(tx, shop, now)
        made = operations.create_campaign(
            Act.of(tx, shop, ACTOR, now),
            name=" 新年超级大促 ",
            day=date(2025, 11, 20),
            goals=Goals(100_000_00, 500, 2000),
            language="zh",
        )
        assert made.name == "新年超级大促"
        assert made.status(now) is Status.DRAFT
        made = operations.mark_scheduled(Act.of(tx, shop, ACTOR, now), campaign_id=made.id)
        # New York is five hours behind UTC on that day.
        assert made.selling.starts_at == datetime(2025, 11, 20, 5, tzinfo=UTC)
        assert made.selling.ends_at == datetime(2025, 11, 21, 5, tzinfo=UTC)
        assert made.status(now) is Status.SCHEDULED
        assert made.status(made.whole.starts_at) is Status.WARM_UP
        assert made.status(made.selling.starts_at) is Status.OPENING
        assert made.status(made.selling.ends_at) is Status.ENDED
        assert queries.live_campaign(tx, shop_id=shop.id, now=made.selling.starts_at) is None
        made = operations.mark_opened(
            Act.of(tx, shop, ACTOR, made.selling.starts_at), campaign_id=made.id
        )
        assert made.status(made.selling.starts_at) is Status.LIVE
        assert made.status(made.selling.ends_at) is Status.ENDED
        live = queries.live_campaign(tx, shop_id=shop.id, now=made.selling.starts_at)
        assert live == made
        assert queries.live_campaign(tx, shop_id=shop.id, now=made.selling.ends_at) is None
        assert queries.current_campaign(tx, shop_id=shop.id, now=now) == made
        with pytest.raises(Invalid):
            operations.set_heroes(
                Act.of(tx, shop, ACTOR, now), campaign_id=made.id, heroes=[Hero("a", 1)]
            )
        heroes = (Hero("b", 1500), Hero("a", 800))
        made = operations.set_heroes(
            Act.of(tx, shop, ACTOR, now), campaign_id=made.id, heroes=heroes
        )
        assert made.heroes == heroes


def test_a_stale_form_is_refused_and_says_who_changed_what(
    database: Database, shop: Shop, now: datetime
) -> None:
    with database.write() as tx:
        made = operations.create_campaign(
            Act.of(tx, shop, ACTOR, now), name="618", day=date(2025, 6, 18), goals=Goals()
        )
        draft = draft_of(made)
        other = Actor("person", "2", "Mei")
        newer = type(draft)("618 big", draft.day, draft.goals, draft.phases, "hello")
        operations.edit_campaign(
            Act.of(tx, shop, other, now), campaign_id=made.id, version=1, draft=newer
        )
        with pytest.raises(StaleForm) as refused:
            operations.edit_campaign(
                Act.of(tx, shop, ACTOR, now), campaign_id=made.id, version=1, draft=draft
            )
        assert "Mei" in str(refused.value)
        assert refused.value.facts["names"] == "name, note"


def test_the_last_tick_finishes_a_task_and_an_untick_reopens_it(
    database: Database, shop: Shop, now: datetime
) -> None:
    with database.write() as tx:
        made = operations.create_campaign(
            Act.of(tx, shop, ACTOR, now), name="618", day=date(2025, 6, 18), goals=Goals()
        )
        task = queries.campaign_tasks(tx, shop_id=shop.id, campaign_id=made.id)[0]
        for item in task.checklist:
            task = tasks.tick(
                Act.of(tx, shop, ACTOR, now),
                campaign_id=made.id,
                task_id=task.id,
                position=item.position,
                is_done=True,
            )
        assert task.done_at == now
        task = tasks.tick(
            Act.of(tx, shop, ACTOR, now),
            campaign_id=made.id,
            task_id=task.id,
            position=0,
            is_done=False,
        )
        assert task.done_at is None
        assert task.ticked_count == len(task.checklist) - 1

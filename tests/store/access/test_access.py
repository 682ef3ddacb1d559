"""Shops, people, roles, keys and the audit log, on both databases."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from springtide.domain.access import audit_queries, operations, queries
from springtide.domain.access.act import Act
from springtide.domain.access.model import Actor, Person, Role, Scope, Shop
from springtide.domain.access.operations.keys import CREATED, REVOKED
from springtide.kit.db import Database
from springtide.kit.errors import Invalid, NotFound
from springtide.kit.time import SimulatedClock

ACTOR = Actor("command", "test", "test")
PASSWORD = "a long enough one"


def _shop(database: Database, now: datetime, slug: str = "tide") -> Shop:
    with database.write() as tx:
        return operations.create_shop(
            tx,
            slug=slug,
            name="Tide",
            currency="CNY",
            zone_name="Asia/Shanghai",
            actor=ACTOR,
            now=now,
        )


def _person(database: Database, now: datetime, email: str = "Li@Example.test") -> Person:
    with database.write() as tx:
        return operations.create_person(
            tx, email=email, name="李", password=PASSWORD, language="zh", actor=ACTOR, now=now
        )


def test_a_shop_is_found_by_its_short_name_and_no_other(database: Database, now: datetime) -> None:
    shop = _shop(database, now)
    with database.read() as tx:
        assert queries.shop_by_slug(tx, slug="tide") == shop
        assert queries.all_shops(tx) == [shop]
        with pytest.raises(NotFound):
            queries.shop_by_slug(tx, slug="Tide")


def test_a_shop_keeps_its_simulated_clock(database: Database, now: datetime) -> None:
    shop = _shop(database, now)
    clock = SimulatedClock(now - timedelta(days=300), now, 600.0, now - timedelta(days=299))
    with database.write() as tx:
        operations.set_clock(Act(tx, shop, ACTOR, now, now), clock=clock)
    with database.read() as tx:
        kept = queries.shop_by_slug(tx, slug="tide")
    assert kept.clock == clock
    assert kept.now(now + timedelta(seconds=6)) == clock.shows + timedelta(hours=1)


def test_a_bad_shop_is_refused_field_by_field(database: Database, now: datetime) -> None:
    with pytest.raises(Invalid) as refused, database.write() as tx:
        operations.create_shop(
            tx,
            slug="../etc",
            name=" ",
            currency="yuan",
            zone_name="Mars/Base",
            actor=ACTOR,
            now=now,
        )
    assert sorted(refused.value.fields) == ["currency", "name", "slug", "zone"]


def test_a_second_shop_or_person_of_a_name_is_refused(database: Database, now: datetime) -> None:
    _shop(database, now)
    _person(database, now)
    with pytest.raises(operations.SlugTaken):
        _shop(database, now)
    with pytest.raises(operations.PersonExists):
        _person(database, now, email="LI@example.TEST")


def test_a_person_is_member_of_their_own_shops_only(database: Database, now: datetime) -> None:
    mine, other = _shop(database, now), _shop(database, now, "other")
    person = _person(database, now)
    with database.write() as tx:
        operations.add_member(Act(tx, mine, ACTOR, now, now), person=person, role=Role.DESIGN)
    with database.read() as tx:
        assert queries.shops_of(tx, person_id=person.id) == [(mine, Role.DESIGN)]
        assert queries.member(tx, person=person, slug="tide").role == Role.DESIGN
        with pytest.raises(NotFound):
            queries.member(tx, person=person, slug=other.slug)


def test_the_last_owner_stays(database: Database, now: datetime) -> None:
    shop, person, second = (
        _shop(database, now),
        _person(database, now),
        _person(database, now, "b@example.test"),
    )
    with database.write() as tx:
        operations.add_member(Act(tx, shop, ACTOR, now, now), person=person, role=Role.OWNER)
    with pytest.raises(operations.LastOwner), database.write() as tx:
        operations.remove_member(Act(tx, shop, ACTOR, now, now), person=person)
    with pytest.raises(operations.LastOwner), database.write() as tx:
        operations.add_member(Act(tx, shop, ACTOR, now, now), person=person, role=Role.DESIGN)
    with database.write() as tx:
        operations.add_member(Act(tx, shop, ACTOR, now, now), person=second, role=Role.OWNER)
        operations.remove_member(Act(tx, shop, ACTOR, now, now), person=person)
        assert [m.person for m in queries.members_of(tx, shop=shop)] == [second]


def test_a_key_calls_for_its_shop_until_it_is_revoked(database: Database, now: datetime) -> None:
    shop = _shop(database, now)
    with database.write() as tx:
        key, token = operations.create_key(
            Act(tx, shop, ACTOR, now, now),
            name="site",
            scopes=frozenset({Scope.ORDERS_WRITE}),
            is_publishable=False,
        )
    assert token.startswith("sk_live_")
    with database.read() as tx:
        caller = queries.caller(tx, token=token)
        assert caller is not None
        assert (caller.shop, caller.key.scopes) == (shop, frozenset({Scope.ORDERS_WRITE}))
        assert queries.caller(tx, token=token + "x") is None
    with database.write() as tx:
        operations.revoke_key(Act(tx, shop, ACTOR, now, now), key_id=key.id)
    with database.read() as tx:
        assert queries.caller(tx, token=token) is None
        assert queries.keys_of(tx, shop_id=shop.id)[0].revoked_at == now


def test_a_token_is_not_kept_anywhere(database: Database, now: datetime) -> None:
    shop = _shop(database, now)
    with database.write() as tx:
        _, token = operations.create_key(
            Act(tx, shop, ACTOR, now, now),
            name="site",
            scopes=frozenset({Scope.READ}),
            is_publishable=False,
        )
    with database.read() as tx:
        for table in ("api_keys", "audit_log"):
            rows = tx.execute(text(f"select * from {table}")).all()
            assert rows
            assert token not in repr(rows)


def test_a_publishable_key_may_not_place_orders(database: Database, now: datetime) -> None:
    shop = _shop(database, now)
    with pytest.raises(Invalid), database.write() as tx:
        operations.create_key(
            Act(tx, shop, ACTOR, now, now),
            name="site",
            scopes=frozenset({Scope.EVENTS_WRITE, Scope.ORDERS_WRITE}),
            is_publishable=True,
        )


def test_the_audit_log_pages_newest_first_and_filters(database: Database, now: datetime) -> None:
    shop = _shop(database, now)
    with database.write() as tx:
        for number in range(5):
            operations.record_audit(
                tx,
                shop=shop,
                actor=ACTOR,
                action=CREATED if number % 2 else REVOKED,
                subject=f"s{number}",
                after={"n": number},
            )
    with database.read() as tx:
        first = audit_queries.audit_page(tx, shop_id=shop.id, limit=2)
        rest = audit_queries.audit_page(tx, shop_id=shop.id, limit=9, before=first[-1].id)
        assert [e.subject for e in first + rest] == ["s4", "s3", "s2", "s1", "s0", "tide"]
        found = audit_queries.audit_page(tx, shop_id=shop.id, actions=(CREATED.code,))
        assert [e.after for e in found] == [{"n": 3}, {"n": 1}]


@pytest.mark.parametrize("statement", ["delete from audit_log", "update audit_log set action='x'"])
def test_the_audit_log_is_append_only(database: Database, now: datetime, statement: str) -> None:
    _shop(database, now)
    with pytest.raises(DBAPIError, match="append-only"), database.write() as tx:
        tx.execute(text(statement))

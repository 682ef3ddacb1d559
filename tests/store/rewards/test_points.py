"""Points by hand and by lot: given with a reason, spent oldest first, lost when they expire."""

from datetime import datetime, timedelta

import pytest
from litestar.testing import TestClient

from springtide.domain.access.act import Act
from springtide.domain.access.audit_queries import audit_page
from springtide.domain.access.model import Role
from springtide.domain.customers.model import CustomerEntry
from springtide.domain.customers.operations import upsert_customers
from springtide.domain.customers.queries import customer
from springtide.domain.ledger.operations import expire_due
from springtide.domain.ledger.queries import balance_at, imbalances, lots_of
from springtide.domain.rewards.grants import points_account
from springtide.domain.rewards.points import LASTS, PointsMissing, adjust_points, balance_of
from springtide.kit.db import Database
from springtide.kit.errors import Invalid
from springtide.kit.ids import outward
from springtide.site import Site
from tests.kit.house import Browser, TestHouse, person_in, shop_in
from tests.kit.shops import ACTOR, new_shop


def test_points_are_given_taken_and_lost(database: Database, now: datetime) -> None:
    shop = new_shop(database, now=now)

    def adjust(amount: int, at: datetime, reason: str = "goodwill") -> None:
        with database.write() as tx:
            adjust_points(
                Act.of(tx, shop, ACTOR, at), customer_key="c1", amount=amount, reason=reason
            )

    day = timedelta(days=1)
    with database.read() as tx:
        assert balance_of(tx, shop_id=shop.id, customer_key="c1") is None
    adjust(100, now)
    adjust(50, now + day)
    adjust(-120, now + 2 * day)
    with database.read() as tx:
        left = balance_of(tx, shop_id=shop.id, customer_key="c1")
        lots = lots_of(tx, shop_id=shop.id, key=points_account("c1"))
    assert left is not None
    # The oldest lot went first and whole.
    assert [lot.left for lot in lots] == [30]
    assert (left.available, left.next_amount, left.next_expiry) == (30, 30, now + day + LASTS)
    with pytest.raises(PointsMissing):
        adjust(-31, now + 2 * day)
    for amount, reason, field in ((0, "x", "amount"), (10**9, "x", "amount"), (5, " ", "reason")):
        with pytest.raises(Invalid) as refused:
            adjust(amount, now, reason)
        assert set(refused.value.fields) == {field}
    with database.write() as tx:
        assert expire_due(tx, shop=shop, now=now + day + LASTS) == 1
    with database.read() as tx:
        assert imbalances(tx, shop_id=shop.id) == []
        key = points_account("c1")
        history = [balance_at(tx, shop_id=shop.id, key=key, at=now + n * day) for n in range(3)]
        assert history == [100, 150, 30]
        assert balance_at(tx, shop_id=shop.id, key=key, at=now + day + LASTS) == 0
        said = [entry.after for entry in audit_page(tx, shop_id=shop.id, limit=20)]
    assert {"amount": -120, "reason": "goodwill"} in said


def test_the_customer_file_adjusts_points(
    client: TestClient[Site], sqlite_house: TestHouse
) -> None:
    shop = shop_in(sqlite_house)
    owner = Browser(client, sqlite_house).sign_in(person_in(sqlite_house, shop, Role.OWNER))
    with sqlite_house.db.write() as tx:
        upsert_customers(Act.of(tx, shop, ACTOR), entries=[CustomerEntry("lin")])
    with sqlite_house.db.read() as tx:
        found = customer(tx, shop_id=shop.id, key="lin")
    place = f"/shops/tide/customers/{outward('cus', found.id)}"
    for amount in ("+250", "-50", "many", "-9999", ""):
        sent = {"amount": amount, "reason": "a <late> parcel"}
        assert owner.post(f"{place}/points", sent).status_code == 303
    page = owner.get(place).text
    assert ">200</a>" in page
    assert "expire" in page

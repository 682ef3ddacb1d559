"""What orders used of rules' limits before these were accounts of the ledger still counts."""

from datetime import datetime
from uuid import UUID

import pytest
import sqlalchemy as sa

from springtide.domain.ledger.model import BoundReached, Chain, Transfer
from springtide.domain.ledger.operations import move
from springtide.domain.ledger.queries import accounts_by_keys, imbalances
from springtide.domain.orders.model import OrderState
from springtide.domain.rewards.redemption import void
from springtide.kit.db import Database, Instant
from springtide.kit.ids import inward, uuid7
from springtide.migrations import migrate
from tests.kit.till import Till

OLD = sa.MetaData()
ACCOUNTS = sa.Table(
    "rule_accounts",
    OLD,
    sa.Column("rule_id", sa.Uuid, primary_key=True),
    sa.Column("owner", sa.String(120), primary_key=True),
    sa.Column("unit", sa.String(20), primary_key=True),
    sa.Column("shop_id", sa.Uuid, nullable=False),
    sa.Column("used", sa.BigInteger, nullable=False),
    sa.Column("bound", sa.BigInteger, nullable=False),
)
USES = sa.Table(
    "rule_uses",
    OLD,
    sa.Column("order_key", sa.String(120), primary_key=True),
    sa.Column("rule_id", sa.Uuid, primary_key=True),
    sa.Column("shop_id", sa.Uuid, primary_key=True),
    sa.Column("customer_key", sa.String(120)),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("used_at", Instant, nullable=False),
    sa.Column("given_back_at", Instant),
)


def test_uses_become_transfers(database: Database, now: datetime) -> None:
    till = Till(database, now)
    till.place("paid")
    till.pay("paid")
    assert till.place("open").state is OrderState.PLACED
    rule = "rul_00000000000000000000000007"
    identity: UUID = inward("rul", rule)
    with database.write() as tx:
        OLD.create_all(tx)
        for owner, unit, used, bound in (
            ("", "orders", 2, 3),
            ("", "money", 700, 1 << 62),
            ("c1", "orders", 2, 2),
        ):
            tx.execute(
                sa.insert(ACCOUNTS).values(
                    rule_id=identity,
                    owner=owner,
                    unit=unit,
                    shop_id=till.shop.id,
                    used=used,
                    bound=bound,
                )
            )
        for key, amount, given_back_at in (("paid", 500, None), ("open", 200, None),
                                           ("gone", 900, now)):  # fmt: skip
            tx.execute(
                sa.insert(USES).values(
                    order_key=key,
                    rule_id=identity,
                    shop_id=till.shop.id,
                    customer_key="c1",
                    amount_minor=amount,
                    used_at=now,
                    given_back_at=given_back_at,
                )
            )
        tx.execute(sa.text("update alembic_version set version_num = '0013'"))
    migrate(database, to="0014")  # what later ones do is there already
    total, money, own = (f"uses:{rule}:{end}" for end in ("total", "money", "own:c1"))
    with database.read() as tx:
        assert imbalances(tx, shop_id=till.shop.id) == []
        found = accounts_by_keys(tx, shop_id=till.shop.id, keys=[total, money, own])
        assert not sa.inspect(tx).has_table("rule_uses")
    assert {key: (a.balance, a.awaiting, a.high) for key, a in found.items()} == {
        total: (1, 1, 3),
        money: (500, 200, None),
        own: (1, 1, 2),
    }
    more = Transfer(f"use:{rule}:own:{uuid7(now)}", f"uses:{rule}:source", own, 1)
    with pytest.raises(BoundReached), database.write() as tx:
        move(tx, shop=till.shop, chain=Chain((more,)), now=now)
    with database.write() as tx:
        void(tx, shop=till.shop, order_keys=["open"], now=now)
    standing = till.standing()
    assert [standing[key] for key in (total, money, own)] == [(1, 0, 0), (500, 0, 0), (1, 0, 0)]

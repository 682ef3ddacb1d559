"""Limits of rules become accounts of the ledger."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from springtide.kit.db import Instant
from springtide.kit.ids import outward

revision = "0014"
down_revision = "0013"

_uses = sa.table(
    "rule_uses",
    sa.column("order_key"),
    sa.column("rule_id", sa.Uuid),
    sa.column("shop_id", sa.Uuid),
    sa.column("customer_key"),
    sa.column("amount_minor"),
    sa.column("used_at", Instant),
    sa.column("given_back_at", Instant),
)
_bounds = sa.table(
    "rule_accounts",
    sa.column("rule_id", sa.Uuid),
    sa.column("owner"),
    sa.column("unit"),
    sa.column("bound"),
)
_orders = sa.table("orders", sa.column("shop_id", sa.Uuid), sa.column("key"), sa.column("state"))
_accounts = sa.table(
    "ledger_accounts",
    sa.column("shop_id", sa.Uuid),
    *map(sa.column, ("key", "unit", "owner", "low", "high", "in_lots", "balance", "held")),
    sa.column("awaiting"),
    sa.column("opened_at", Instant),
)
_transfers = sa.table(
    "ledger_transfers",
    sa.column("shop_id", sa.Uuid),
    *map(sa.column, ("id", "source", "target", "unit", "amount", "kind", "is_reserved", "state")),
    sa.column("at", Instant),
    sa.column("ended_at", Instant),
    *map(sa.column, ("reference", "customer_key")),
)
#: The old accounts had a bound where there was none: so large that nobody met it.
_UNBOUND = 1 << 62


def upgrade() -> None:
    """Carry the uses that stand over, each as the transfers that it is now, and drop the tables."""
    tx = op.get_bind()
    bounds = {
        (row.rule_id, row.owner, row.unit): row.bound for row in tx.execute(sa.select(_bounds))
    }
    states = {(row.shop_id, row.key): row.state for row in tx.execute(sa.select(_orders))}
    accounts: dict[tuple[Any, str], dict[str, Any]] = {}
    transfers = []
    for use in tx.execute(sa.select(_uses).where(_uses.c.given_back_at.is_(None))):
        is_paid = states.get((use.shop_id, use.order_key)) != "placed"
        for moved in _moves(use):
            transfers.append(_transfer(use, moved, is_paid))
            for key, sign in ((moved["source"], -1), (moved["target"], 1)):
                bound = bounds.get((use.rule_id, moved["owner"], moved["counts"]), _UNBOUND)
                account = accounts.setdefault(
                    (use.shop_id, key), _account(use, key, moved["unit"], sign, bound)
                )
                if is_paid:
                    account["balance"] += sign * moved["amount"]
                else:
                    account["held" if sign < 0 else "awaiting"] += moved["amount"]
    if transfers:
        tx.execute(sa.insert(_accounts), list(accounts.values()))
        tx.execute(sa.insert(_transfers), transfers)
    op.drop_table("rule_uses")
    op.drop_table("rule_accounts")


def _moves(use: Any) -> list[dict[str, Any]]:
    rule = outward("rul", use.rule_id)
    unit = f"uses:{rule}"
    found = [
        {"part": "total", "unit": unit, "owner": "", "counts": "orders", "amount": 1},
        {"part": "money", "unit": "money", "owner": "", "counts": "money",
         "amount": use.amount_minor},
        {"part": "own", "unit": unit, "owner": use.customer_key or "", "counts": "orders",
         "amount": 1 if use.customer_key else 0},
    ]  # fmt: skip
    for each in found:
        each["source"] = f"{unit}:{'given' if each['part'] == 'money' else 'source'}"
        end = f":{use.customer_key}" if each["part"] == "own" else ""
        each["target"] = f"{unit}:{each['part']}{end}"
        each["id"] = f"use:{rule}:{each['part']}:{use.order_key}"
    return [each for each in found if each["amount"]]


def _transfer(use: Any, moved: dict[str, Any], is_paid: bool) -> dict[str, Any]:
    return {
        "shop_id": use.shop_id,
        **{name: moved[name] for name in ("id", "source", "target", "unit", "amount")},
        "kind": "transfer",
        "is_reserved": True,
        "state": "posted" if is_paid else "reserved",
        "at": use.used_at,
        "ended_at": use.used_at if is_paid else None,
        "reference": f"order:{use.order_key}",
        "customer_key": use.customer_key,
    }


def _account(use: Any, key: str, unit: str, sign: int, bound: int) -> dict[str, Any]:
    return {
        "shop_id": use.shop_id,
        "key": key,
        "unit": unit,
        "owner": "",
        "low": None if sign < 0 else 0,
        "high": None if sign < 0 or bound >= _UNBOUND else bound,
        "in_lots": False,
        "balance": 0,
        "held": 0,
        "awaiting": 0,
        "opened_at": use.used_at,
    }

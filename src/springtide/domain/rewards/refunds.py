"""Money that the shop owes buyers by itself: deposits and group prices to be paid back, once each.

An account of the ledger holds what is owed. The shop's server reads the list, pays back by its
own means, and says so; each refund ends once.
"""

from datetime import datetime
from uuid import UUID

import msgspec
from sqlalchemy import Connection

from springtide.domain.access.act import Act
from springtide.domain.access.audited import AuditAction, AuditGroup
from springtide.domain.access.operations import record_act
from springtide.domain.ledger.model import MONEY, Chain, Opening, Transfer
from springtide.domain.ledger.operations import move
from springtide.domain.ledger.queries import transfers_by_ids, transfers_into
from springtide.kit.errors import N_, Invalid, NotFound, Refusal
from springtide.kit.text import text_problem

REFUND_REPAID = AuditAction("refund.repaid", N_("Refund paid back"), AuditGroup.ORDERS)

REFUNDS, REPAID, ORDERS = "refunds", "refunds:repaid", "refunds:orders"
PAYMENT_LENGTH_MAX = 200


class RefundRepaid(Refusal):
    """A refund that was paid back by another payment."""

    code = "refund_repaid"
    status = 409
    text = N_("Refund {key} was paid back already, by {payment}.")


class Refund(msgspec.Struct, frozen=True):
    """Money owed to a buyer, in minor units; ``about`` is the order or the claim it is for."""

    key: str
    seq: int
    about: str
    customer_key: str | None
    amount_minor: int
    owed_at: datetime
    repaid_by: str | None


def owed(
    key: str, source: str, amount_minor: int, *, about: str, customer_key: str | None
) -> tuple[Transfer, Opening]:
    """Return the step that makes the shop owe a buyer money, and what it opens."""
    step = Transfer(
        f"refund:{key}",
        source,
        REFUNDS,
        amount_minor,
        reference=about,
        customer_key=customer_key,
    )
    return step, Opening(REFUNDS, MONEY)


def owe_for_order(
    key: str, amount_minor: int, *, order_key: str, customer_key: str | None
) -> Chain:
    """Return the chain that makes the shop owe the buyer of an order a part of its money."""
    step, opening = owed(key, ORDERS, amount_minor, about=order_key, customer_key=customer_key)
    return Chain((step,), (opening, Opening(ORDERS, MONEY, low=None)))


def refunds_page(
    tx: Connection, *, shop_id: UUID, before: int | None = None, limit: int = 50
) -> list[Refund]:
    """Return what the shop owes or owed, the newest first, from before a place in the list."""
    moved = transfers_into(tx, shop_id=shop_id, key=REFUNDS, before=before, limit=limit)
    keys = [_repaid(_key(each.id)) for each in moved]
    by = {each.id: each.reference for each in transfers_by_ids(tx, shop_id=shop_id, ids=keys)}
    return [
        Refund(
            _key(each.id),
            each.seq,
            each.reference or "",
            each.customer_key,
            each.amount,
            each.at,
            by.get(_repaid(_key(each.id))),
        )
        for each in moved
    ]


def repay(act: Act, *, key: str, payment_key: str) -> str:
    """Note that a refund was paid back; the same payment again is the same. Return the payment.

    Raises NotFound, RefundRepaid for another payment, Invalid for a payment without a name.
    """
    problem = text_problem(payment_key, length_max=PAYMENT_LENGTH_MAX, is_needed=True)
    if problem:
        raise Invalid({"payment_key": problem})
    found = {
        each.id: each
        for each in transfers_by_ids(
            act.tx, shop_id=act.shop.id, ids=[f"refund:{key}", _repaid(key)]
        )
    }
    owed_ = found.get(f"refund:{key}")
    if owed_ is None:
        raise NotFound(what="refund", key=key[:60])
    before = found.get(_repaid(key))
    if before is not None:
        if before.reference != payment_key:
            raise RefundRepaid(key=key[:60], payment=before.reference)
        return payment_key
    step = Transfer(
        _repaid(key),
        REFUNDS,
        REPAID,
        owed_.amount,
        reference=payment_key,
        customer_key=owed_.customer_key,
    )
    record_act(
        act,
        action=REFUND_REPAID,
        subject=f"refund {key}",
        after={"amount_minor": owed_.amount, "payment_key": payment_key},
    )
    move(act.tx, shop=act.shop, chain=Chain((step,), (Opening(REPAID, MONEY),)), now=act.now)
    return payment_key


def _key(transfer_id: str) -> str:
    return transfer_id.partition(":")[2]


def _repaid(key: str) -> str:
    return f"repaid:{key}"

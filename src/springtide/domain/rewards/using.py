"""What a customer holds, spent by an order: reserved when it is placed, used when it is paid.

An order that is closed gives all of it back together, one that is returned whole, too. Call each
function before facts are appended and once in a transaction: it takes the locks of the ledger.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection, select, update

from springtide.domain.access.model import Shop
from springtide.domain.ledger.model import (
    MONEY,
    BoundReached,
    Chain,
    NoSuchAccount,
    Opening,
    Post,
    Step,
    Transfer,
    Void,
)
from springtide.domain.ledger.operations import move, reserved_for, reversed_chain, transact
from springtide.domain.ledger.queries import accounts_by_keys
from springtide.domain.rewards.grants import POINTS, packet_account, points_account
from springtide.domain.rewards.model import Claim, ClaimState
from springtide.domain.rewards.queries import claim_of_row, held_by
from springtide.domain.rewards.store import claims as claims_table
from springtide.kit.bulk import rows_by
from springtide.kit.errors import N_, Refusal
from springtide.kit.ids import outward

#: A claim's own transfer and those of its limits: reserved together for flash stock.
_CLAIM_STEPS = ("claim", "1", "2", "3", "cost")


class HoldingGone(Refusal):
    """A coupon, packet or points that another order took at this moment."""

    code = "holding_gone"
    status = 409
    text = N_("What this order was to be paid with is spent or over; price the cart again.")


class FlashTooFew(Refusal):
    """An order for more pieces of flash stock than were reserved."""

    code = "flash_too_few"
    status = 409
    text = N_("{reserved} pieces of {product} are reserved at this price, not {wanted}.")


class HeldForOther(Refusal):
    """An order whose reserved stock went back before it was paid."""

    code = "reservation_over"
    status = 409
    text = N_("The time to pay order {order} is over; what it reserved went back.")


class Holdings(msgspec.Struct, frozen=True):
    """What a customer may spend: price rules they hold, with packet money; points; the claims.

    ``points`` is None for a customer whose points Springtide does not keep.
    """

    issued: Mapping[str, int] = {}
    points: int | None = None
    claims: tuple[Claim, ...] = ()

    def of_rule(self, rule: str) -> list[Claim]:
        """Return the claims that a price rule spends, those first that end first."""
        found = [claim for claim in self.claims if claim.granted.rule == rule]
        return sorted(found, key=lambda claim: (claim.expires_at or _NEVER, claim.id))


class Spending(msgspec.Struct, frozen=True):
    """What an order spends: money by price rule, points, pieces by product."""

    order_key: str
    customer_key: str
    rules: Mapping[str, int]
    points: int
    pieces: Mapping[str, int]
    campaign_key: str | None


NOTHING = Holdings()
_NEVER = datetime.max.replace(tzinfo=UTC)


def holdings(
    tx: Connection, *, shop_id: UUID, customer_key: str, rules: Iterable[str], now: datetime
) -> Holdings:
    """Return what a customer holds that these price rules spend, and their points."""
    claims = [
        claim
        for claim in held_by(tx, shop_id=shop_id, customer_key=customer_key, now=now)
        if claim.granted.rule
    ]
    packets = {packet_account(rule, customer_key): rule for rule in rules}
    points = points_account(customer_key)
    accounts = accounts_by_keys(tx, shop_id=shop_id, keys=[*packets, points])
    issued = {
        claim.granted.rule: 0
        for claim in claims
        if claim.granted.rule and claim.granted.what in ("coupon", "flash")
    }
    for key, rule in packets.items():
        if key in accounts and accounts[key].available > 0:
            issued[rule] = accounts[key].available
    return Holdings(
        issued,
        accounts[points].available if points in accounts else None,
        tuple(claim for claim in claims if claim.granted.what in ("coupon", "flash")),
    )


def reserve(
    tx: Connection, *, shop: Shop, held: Holdings, spending: Spending, now: datetime
) -> None:
    """Reserve what an order spends, all or nothing; raises HoldingGone, FlashTooFew."""
    steps: list[Step] = []
    openings: list[Opening] = []
    taken: list[Claim] = []
    for rule, amount in sorted(spending.rules.items()):
        if rule not in held.issued:
            continue
        claims = held.of_rule(rule)
        if not claims:
            _spend(steps, openings, spending, f"packet:{rule}", amount,
                   packet_account(rule, spending.customer_key), f"spent:{rule}", MONEY)  # fmt: skip
        elif claims[0].granted.what == "flash":
            taken += _flash(claims, spending)
        else:
            taken.append(claims[0])
            _use(steps, openings, spending, claims[0])
    if spending.points and held.points is not None:
        _spend(steps, openings, spending, POINTS, spending.points,
               points_account(spending.customer_key), "points:spent", POINTS)  # fmt: skip
    if steps:
        try:
            move(tx, shop=shop, chain=Chain(tuple(steps), tuple(openings)), now=now)
        except (BoundReached, NoSuchAccount) as error:
            raise HoldingGone from error
    if taken:
        _attach(tx, taken, spending.order_key)


def post(tx: Connection, *, shop: Shop, order_key: str, now: datetime) -> int:
    """Spend what an order reserved; raises HeldForOther when flash stock went back meanwhile."""
    attached = _attached(tx, shop.id, [order_key])
    flash = [c for c in attached if c.granted.what == "flash" and c.state is ClaimState.RESERVED]
    found = reserved_for(tx, shop_id=shop.id, references=_references([order_key], attached))
    held = {each.partition(":")[0] for each in found}
    if any(outward("clm", claim.id) not in held for claim in flash):
        raise HeldForOther(order=order_key)
    if found:
        chain = Chain(tuple(Post(each) for each in found))
        (refused,) = transact(tx, shop=shop, chains=[chain], now=now)
        if refused is not None:
            raise HeldForOther(order=order_key) from refused
    _settle(tx, attached, {ClaimState.RESERVED: ClaimState.USED})
    return len(found)


def void(tx: Connection, *, shop: Shop, order_keys: Sequence[str], now: datetime) -> int:
    """Give back what orders reserved: stock, coupons, packets, points together."""
    attached = _attached(tx, shop.id, order_keys)
    found = reserved_for(tx, shop_id=shop.id, references=_references(order_keys, attached))
    # One that expired meanwhile is refused by itself; the others go back all the same.
    outcomes = transact(
        tx, shop=shop, chains=[Chain((Void(each),)) for each in found], now=now
    ) if found else []  # fmt: skip
    _free(tx, [claim for claim in attached if claim.state is ClaimState.RESERVED], now)
    return sum(refused is None for refused in outcomes)


def give_back(
    tx: Connection, *, shop: Shop, order_key: str, rules: Iterable[str], now: datetime
) -> list[Chain]:
    """Let the claims of a paid order be used again, and return what undoes its spending."""
    attached = _attached(tx, shop.id, [order_key])
    ids = [f"{POINTS}:{order_key}", *(f"packet:{rule}:{order_key}" for rule in rules)]
    for claim in attached:
        key = outward("clm", claim.id)
        if claim.granted.what == "flash":
            ids += [f"{key}:{step}" for step in _CLAIM_STEPS]
        else:
            ids.append(f"{key}:use:{order_key}")
    chain = reversed_chain(tx, shop_id=shop.id, ids=ids, now=now)
    _free(tx, [claim for claim in attached if claim.state is ClaimState.USED], now)
    return [] if chain is None else [chain]


def overdue_orders(tx: Connection, *, shop_id: UUID, now: datetime, limit: int) -> list[str]:
    """Return unpaid orders with flash stock whose time to pay is over."""
    table = claims_table
    rows = tx.execute(
        select(table.c.order_key)
        .where(
            table.c.shop_id == shop_id,
            table.c.order_key.is_not(None),
            table.c.state == ClaimState.RESERVED,
            table.c.what == "flash",
            table.c.expires_at <= now,
        )
        .order_by(table.c.expires_at)
        .limit(limit)
    )
    return list(dict.fromkeys(rows.scalars()))


def end_claims(tx: Connection, *, shop_id: UUID, now: datetime) -> int:
    """Mark held claims as over whose time is; return how many."""
    table = claims_table
    return tx.execute(
        update(table)
        .where(
            table.c.shop_id == shop_id,
            table.c.state == ClaimState.HELD,
            table.c.expires_at <= now,
        )
        .values(state=ClaimState.OVER)
    ).rowcount


def _spend(
    steps: list[Step], openings: list[Opening], spending: Spending, name: str, amount: int,
    source: str, target: str, unit: str,
) -> None:  # fmt: skip
    if amount:
        steps.append(_transfer(spending, f"{name}:{spending.order_key}", source, target, amount))
        openings.append(Opening(target, unit))


def _use(steps: list[Step], openings: list[Opening], spending: Spending, claim: Claim) -> None:
    """Reserve a coupon's one use: a second one breaks the bound of its account."""
    key, reward = outward("clm", claim.id), outward("rwd", claim.reward_id)
    unit, source, target = f"{reward}:uses", f"{reward}:uses", f"used:{key}"
    step = _transfer(spending, f"{key}:use:{spending.order_key}", source, target, 1)
    steps.append(step)
    openings += [Opening(source, unit, low=None), Opening(target, unit, high=1)]


def _transfer(spending: Spending, id_: str, source: str, target: str, amount: int) -> Transfer:
    return Transfer(
        id_,
        source,
        target,
        amount,
        reserve=True,
        kind="redemption",
        reference=_reference(spending.order_key),
        customer_key=spending.customer_key,
        campaign_key=spending.campaign_key,
    )


def _flash(claims: list[Claim], spending: Spending) -> list[Claim]:
    """Return the reservations that cover an order's pieces; raises FlashTooFew."""
    product = claims[0].granted.product_key or ""
    wanted = spending.pieces.get(product, 0)
    reserved = sum(claim.granted.amount for claim in claims)
    if wanted > reserved:
        raise FlashTooFew(reserved=reserved, product=product, wanted=wanted)
    return claims


def _reference(order_key: str) -> str:
    return f"order:{order_key}"


def _references(order_keys: Iterable[str], attached: Sequence[Claim]) -> list[str]:
    return [
        *map(_reference, order_keys),
        *(outward("clm", claim.id) for claim in attached if claim.granted.what == "flash"),
    ]


def _attached(tx: Connection, shop_id: UUID, order_keys: Iterable[str]) -> list[Claim]:
    rows = rows_by(tx, claims_table, "order_key", order_keys, shop_id=shop_id)
    return [claim_of_row(row)[0] for row in rows]


def _attach(tx: Connection, claims: Sequence[Claim], order_key: str) -> None:
    table = claims_table
    changed = tx.execute(
        update(table)
        .where(
            table.c.reward_id.in_([claim.reward_id for claim in claims]),
            table.c.id.in_([claim.id for claim in claims]),
            table.c.state == ClaimState.HELD,
        )
        .values(state=ClaimState.RESERVED, order_key=order_key)
        .returning(table.c.id)
    ).all()
    if len(changed) != len(claims):
        raise HoldingGone


def _settle(
    tx: Connection, claims: Sequence[Claim], states: Mapping[ClaimState, ClaimState]
) -> None:
    for claim in claims:
        if claim.state in states:
            _set(tx, claim, {"state": states[claim.state]})


def _free(tx: Connection, claims: Sequence[Claim], now: datetime) -> None:
    """Let claims be used again, but for those whose time is over and flash stock given back."""
    for claim in claims:
        is_over = claim.expires_at is not None and claim.expires_at <= now
        if is_over or claim.granted.what == "flash":
            _set(tx, claim, {"state": ClaimState.OVER})
        else:
            _set(tx, claim, {"state": ClaimState.HELD, "order_key": None})


def _set(tx: Connection, claim: Claim, values: Mapping[str, Any]) -> None:
    table = claims_table
    tx.execute(
        update(table)
        .where(table.c.reward_id == claim.reward_id, table.c.id == claim.id)
        .values(**values)
    )

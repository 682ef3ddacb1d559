"""What a customer holds, spent by an order: reserved when it is placed, used when it is paid.

An order that is closed gives all of it back together, one that is returned whole, too. Call each
function before facts are appended and once in a transaction: it takes the locks of the ledger.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
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
from springtide.domain.pricing.operations import limit_behind, use_ids
from springtide.domain.rewards.deposits import returned_chain, used_chain
from springtide.domain.rewards.games.group_buy import group_account
from springtide.domain.rewards.grants import POINTS, packet_account, points_account
from springtide.domain.rewards.groups import end_now
from springtide.domain.rewards.model import CLAIM_STEPS, STOCK, Claim
from springtide.domain.rewards.queries import claim_of_row
from springtide.domain.rewards.states import ClaimState
from springtide.domain.rewards.store import claims as claims_table
from springtide.domain.rewards.wallet import Wallet
from springtide.kit.bulk import rows_by
from springtide.kit.errors import N_, Refusal
from springtide.kit.ids import outward

NO_USES = Chain(())


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


class GroupAlone(Refusal):
    """An order at a group's price with something else in it."""

    code = "group_order_alone"
    status = 409
    text = N_("Order {product} at the group's price by itself: the group may be paid back.")


class HeldForOther(Refusal):
    """An order whose reserved stock went back before it was paid."""

    code = "reservation_over"
    status = 409
    text = N_("The time to pay order {order} is over; what it reserved went back.")


class Spending(msgspec.Struct, frozen=True):
    """What an order spends: money by price rule, points of the ledger, pieces by product."""

    order_key: str
    customer_key: str
    rules: Mapping[str, int]
    points: int
    pieces: Mapping[str, int]
    campaign_key: str | None


def reserve(
    tx: Connection,
    *,
    shop: Shop,
    held: Wallet,
    spending: Spending,
    uses: Chain = NO_USES,
    now: datetime,
) -> None:
    """Reserve what an order spends and what it ``uses`` of its rules' limits, all or nothing.

    Raises HoldingGone, FlashTooFew, GroupAlone, LimitReached.
    """
    steps, openings = list(uses.steps), list(uses.openings)
    taken: list[Claim] = []
    for rule, amount in sorted(spending.rules.items()):
        if rule not in held.issued:
            continue
        claims = held.of_rule(rule)
        what = claims[0].granted.what if claims else "packet"
        if what in ("packet", "presale"):
            _spend(steps, openings, spending, f"packet:{rule}", amount,
                   packet_account(rule, spending.customer_key), f"spent:{rule}", MONEY)  # fmt: skip
            taken += claims
        elif what in STOCK:
            taken += _stock(claims, spending)
        else:
            taken.append(claims[0])
            _use(steps, openings, spending, claims[0])
    if spending.points:
        _spend(steps, openings, spending, POINTS, spending.points,
               points_account(spending.customer_key), "points:spent", POINTS)  # fmt: skip
    if steps:
        try:
            move(tx, shop=shop, chain=Chain(tuple(steps), tuple(openings)), now=now)
        except (BoundReached, NoSuchAccount) as error:
            limit = limit_behind(str(error.facts.get("account")))
            raise limit or HoldingGone() from error
    if taken:
        _attach(tx, taken, spending.order_key)


def post(tx: Connection, *, shop: Shop, order_key: str, now: datetime) -> dict[str, int]:
    """Spend what an order reserved; raises HeldForOther when flash stock went back meanwhile.

    Return the deposits that are part of it now, in minor units, by product.
    """
    attached = _attached(tx, shop.id, [order_key])
    stock = [c for c in attached if c.granted.what in STOCK and c.state is ClaimState.RESERVED]
    found = reserved_for(tx, shop_id=shop.id, references=_references([order_key], attached))
    held = {each.partition(":")[0] for each in found}
    if any(outward("clm", claim.id) not in held for claim in stock):
        raise HeldForOther(order=order_key)
    presales = [c for c in attached if c.granted.what == "presale"]
    used = used_chain(presales, order_key)
    if found or used.steps:
        chain = Chain((*map(Post, found), *used.steps), used.openings)
        (refused,) = transact(tx, shop=shop, chains=[chain], now=now)
        if refused is not None:
            raise HeldForOther(order=order_key) from refused
    for claim in attached:
        if claim.state is ClaimState.RESERVED:
            _set(tx, claim, {"state": ClaimState.USED})
    _end_full_groups(tx, shop, stock, now)
    return _deposits(presales)


def deposits_of(tx: Connection, *, shop_id: UUID, order_key: str) -> dict[str, int]:
    """Return the deposits that were paid before for an order, in minor units, by product."""
    return _deposits(_attached(tx, shop_id, [order_key]))


def _deposits(claims: Iterable[Claim]) -> dict[str, int]:
    found: dict[str, int] = {}
    for claim in claims:
        granted = claim.granted
        if granted.what == "presale" and granted.product_key:
            found[granted.product_key] = found.get(granted.product_key, 0) + granted.deposit_minor
    return found


def void(tx: Connection, *, shop: Shop, order_keys: Sequence[str], now: datetime) -> None:
    """Give back what orders reserved: stock, coupons, packets, points together."""
    attached = _attached(tx, shop.id, order_keys)
    found = reserved_for(tx, shop_id=shop.id, references=_references(order_keys, attached))
    if found:
        # One that expired meanwhile is refused by itself; the others go back all the same.
        transact(tx, shop=shop, chains=[Chain((Void(each),)) for each in found], now=now)
    _free(tx, [claim for claim in attached if claim.state is ClaimState.RESERVED], now)


def give_back(
    tx: Connection, *, shop: Shop, order_key: str, rules: Mapping[str, int], now: datetime
) -> list[Chain]:
    """Let the claims of a paid order be used again, and return what undoes its spending.

    ``rules`` are those that priced it: their limits are given back too.
    """
    attached = _attached(tx, shop.id, [order_key])
    # A deposit is paid back with the order, so what it was worth does not come again.
    presales = [claim for claim in attached if claim.granted.what == "presale"]
    sold = {claim.granted.rule for claim in presales}
    again = [rule for rule in rules if rule not in sold]
    ids = [f"{POINTS}:{order_key}", *(f"packet:{rule}:{order_key}" for rule in again)]
    ids += use_ids(rules, order_key)
    for claim in attached:
        key = outward("clm", claim.id)
        if claim.granted.what in (*STOCK, "presale"):
            ids += [f"{key}:{step}" for step in CLAIM_STEPS]
        else:
            ids.append(f"{key}:use:{order_key}")
    chain = reversed_chain(tx, shop_id=shop.id, ids=ids, now=now)
    repaid = returned_chain(tx, shop_id=shop.id, claims=presales, order_key=order_key)
    _free(tx, [claim for claim in attached if claim.state is ClaimState.USED], now)
    return [each for each in (chain, repaid) if each is not None]


def use_up(tx: Connection, *, claim: Claim, order_key: str) -> None:
    """Mark a held claim as used by an order; raises HoldingGone when it is no more."""
    _attach(tx, [claim], order_key)
    _set(tx, claim, {"state": ClaimState.USED})


def overdue_orders(tx: Connection, *, shop_id: UUID, now: datetime, limit: int) -> list[str]:
    """Return unpaid orders with stock, or the balance of a presale, whose time to pay is over."""
    table = claims_table
    rows = tx.execute(
        select(table.c.order_key)
        .where(
            table.c.shop_id == shop_id,
            table.c.order_key.is_not(None),
            table.c.state == ClaimState.RESERVED,
            table.c.what.in_((*STOCK, "presale")),
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
        reference=reference_of(spending.order_key),
        customer_key=spending.customer_key,
        campaign_key=spending.campaign_key,
    )


def _stock(claims: list[Claim], spending: Spending) -> list[Claim]:
    """Return the reservations that cover an order's pieces; raises FlashTooFew, GroupAlone."""
    product = claims[0].granted.product_key or ""
    if claims[0].granted.what == "group":
        claims = claims[:1]
        if set(spending.pieces) != {product}:
            raise GroupAlone(product=product)
    wanted = spending.pieces.get(product, 0)
    reserved = sum(claim.granted.amount for claim in claims)
    if wanted > reserved:
        raise FlashTooFew(reserved=reserved, product=product, wanted=wanted)
    return claims


def reference_of(order_key: str) -> str:
    """Return the reference of what an order reserves."""
    return f"order:{order_key}"


def _references(order_keys: Iterable[str], attached: Sequence[Claim]) -> list[str]:
    return [
        *map(reference_of, order_keys),
        *(outward("clm", claim.id) for claim in attached if claim.granted.what in STOCK),
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
            table.c.state.in_((ClaimState.HELD, ClaimState.DEPOSITED)),
        )
        .values(state=ClaimState.RESERVED, order_key=order_key)
        .returning(table.c.id)
    ).all()
    if len(changed) != len(claims):
        raise HoldingGone


def _end_full_groups(tx: Connection, shop: Shop, stock: Sequence[Claim], now: datetime) -> None:
    """Let groups end whose last place is paid, so that they are decided at once."""
    names = {
        group_account(outward("rwd", claim.reward_id), claim.granted.group): claim.granted.group
        for claim in stock
        if claim.granted.group
    }
    accounts = accounts_by_keys(tx, shop_id=shop.id, keys=names)
    full = [names[key] for key, account in accounts.items() if account.balance == account.high]
    if full:
        end_now(tx, shop_id=shop.id, keys=full, now=now)


def _free(tx: Connection, claims: Sequence[Claim], now: datetime) -> None:
    """Let claims be used again, but for those whose time is over and stock given back.

    A presale whose order is closed waits for its balance again; paid, it went back with the order.
    """
    for claim in claims:
        is_over = claim.expires_at is not None and claim.expires_at <= now
        if claim.granted.what == "presale" and claim.state is ClaimState.RESERVED:
            _set(tx, claim, {"state": ClaimState.DEPOSITED, "order_key": None})
        elif is_over or claim.granted.what in (*STOCK, "presale"):
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

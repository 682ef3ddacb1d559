"""The buyer of a cart: what they want, what is known of them, and who may say so.

A caller states what the shop's own site keeps, and only its server does. What Springtide keeps
itself (points in its ledger, what its rewards gave out) is looked up and taken from nobody.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from springtide.domain.access.model import PointsKeeper, Shop
from springtide.domain.orders.queries import has_ordered
from springtide.domain.pricing.model import Buyer, CartLine
from springtide.domain.pricing.operations import left_of
from springtide.domain.pricing.plan import Plan
from springtide.domain.rewards.queries import rules_given
from springtide.domain.rewards.wallet import NOTHING, Wallet, wallet_of
from springtide.flows.claims.standing import StandingOf
from springtide.kit.errors import N_, Invalid, Refusal


class PointsKeptElsewhere(Refusal):
    """A balance of points that is not the caller's to state."""

    code = "points_not_yours"
    text = N_("Your site does not keep this shop's points. Settings, Points says who does.")


class HeldHere(Refusal):
    """A coupon, packet or deposit stated by the caller that Springtide itself gives out."""

    code = "held_here"
    text = N_("Springtide gives this out itself and knows who holds it: leave it out.")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a buyer puts together: lines, codes, points to use, and where it goes.

    ``points_balance``, ``segments`` and ``holds`` are what the shop's own server vouches for.
    """

    lines: tuple[CartLine, ...]
    codes: tuple[str, ...] = ()
    points: int = 0
    points_balance: int | None = None
    shipping_minor: int = 0
    customer_key: str | None = None
    channel: str = ""
    region: str = ""
    segments: tuple[str, ...] = ()
    holds: tuple[tuple[str, int], ...] = ()
    currency: str | None = None

    @property
    def pieces(self) -> dict[str, int]:
        """The pieces of each product, whatever the lines that they stand in."""
        found: dict[str, int] = {}
        for line in self.lines:
            found[line.product_key] = found.get(line.product_key, 0) + line.quantity
        return found


def held_of(tx: Connection, shop: Shop, wanted: Wanted, plan: Plan, now: datetime) -> Wallet:
    """Return what the buyer holds; nothing is looked up where no rule would spend it."""
    issued = [rule.id for rule in plan.rules if rule.conditions.is_issued]
    if wanted.customer_key is None or not (issued or wanted.points):
        return NOTHING
    return wallet_of(
        tx,
        shop_id=shop.id,
        customer_key=wanted.customer_key,
        rules=issued,
        pieces=wanted.pieces,
        now=now,
    )


def buyer_of(
    tx: Connection,
    shop: Shop,
    wanted: Wanted,
    plan: Plan,
    standing_of: StandingOf | None,
    held: Wallet,
) -> Buyer:
    """Return what prices depend on; what no rule asks for is not looked up."""
    key = wanted.customer_key
    tier, is_known = "", False
    if key is not None and plan.asks_standing:
        tier, is_known = standing_of(key) if standing_of else ("", False)
        is_known = is_known or has_ordered(tx, shop_id=shop.id, customer_key=key)
    return Buyer(
        tier=tier,
        channel=wanted.channel,
        region=wanted.region,
        segments=wanted.segments,
        issued=dict(wanted.holds) | dict(held.issued),
        is_first_order=key is not None and not is_known,
        points=min(wanted.points, _balance(shop, wanted, held)),
        left=left_of(tx, shop_id=shop.id, plan=plan, customer_key=key),
    )


def _balance(shop: Shop, wanted: Wanted, held: Wallet) -> int:
    """Return the points that a buyer has with whom the shop says keeps them."""
    if shop.points_kept_by is PointsKeeper.LEDGER:
        return held.points
    if shop.points_kept_by is PointsKeeper.SITE:
        return wanted.points_balance or 0
    return 0


def refuse_stated(tx: Connection, shop: Shop, wanted: Wanted) -> None:
    """Refuse what a caller says of a buyer where Springtide itself is who knows."""
    problems: dict[str, Refusal] = {}
    if wanted.points_balance is not None and shop.points_kept_by is not PointsKeeper.SITE:
        problems["points_balance"] = PointsKeptElsewhere()
    if wanted.holds:
        given = rules_given(tx, shop=shop, rules=[rule for rule, _ in wanted.holds])
        for index, (rule, _) in enumerate(wanted.holds):
            if rule in given:
                problems[f"holds.{index}.rule_id"] = HeldHere()
    if problems:
        raise Invalid(problems)

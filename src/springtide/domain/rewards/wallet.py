"""What a customer holds that price rules spend: coupons, packet money, points, stock, deposits."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from uuid import UUID

import msgspec
from sqlalchemy import Connection

from springtide.domain.ledger.queries import accounts_by_keys
from springtide.domain.rewards.grants import packet_account, points_account
from springtide.domain.rewards.model import STOCK, Claim
from springtide.domain.rewards.queries import held_by
from springtide.domain.rewards.states import ClaimState

#: What an order attaches to itself when it spends it.
_ATTACHED = ("coupon", *STOCK, "presale")
_NEVER = datetime.max.replace(tzinfo=UTC)


class Wallet(msgspec.Struct, frozen=True):
    """What a customer may spend: price rules they hold, with packet money; points; the claims.

    ``points`` is what the ledger has of them: nothing for a customer without an account.
    """

    issued: Mapping[str, int] = {}
    points: int = 0
    claims: tuple[Claim, ...] = ()

    def of_rule(self, rule: str) -> list[Claim]:
        """Return the claims that a price rule spends, those first that end first."""
        found = [claim for claim in self.claims if claim.granted.rule == rule]
        return sorted(found, key=lambda claim: (claim.expires_at or _NEVER, claim.id))


NOTHING = Wallet()


def wallet_of(
    tx: Connection,
    *,
    shop_id: UUID,
    customer_key: str,
    rules: Iterable[str],
    pieces: Mapping[str, int],
    now: datetime,
) -> Wallet:
    """Return what a customer holds that these price rules spend for a cart, and their points.

    Of presales, a paid deposit a piece of the cart counts, once the time of the balance begins.
    """
    claims = [
        claim
        for claim in held_by(tx, shop_id=shop_id, customer_key=customer_key, now=now)
        if claim.granted.rule and claim.granted.what in _ATTACHED
    ]
    presales = [claim for claim in claims if claim.granted.what == "presale"]
    claims = [claim for claim in claims if claim.granted.what != "presale"]
    packets = {packet_account(rule, customer_key): rule for rule in rules}
    points = points_account(customer_key)
    accounts = accounts_by_keys(tx, shop_id=shop_id, keys=[*packets, points])
    issued = {claim.granted.rule: 0 for claim in claims if claim.granted.rule}
    for key, rule in packets.items():
        if key in accounts and accounts[key].available > 0:
            issued[rule] = accounts[key].available
    for rule in {claim.granted.rule for claim in presales if claim.granted.rule}:
        usable = _balances(presales, rule, pieces, now)
        claims += usable
        worth = sum(claim.granted.amount for claim in usable)
        issued.pop(rule, None)
        if usable:
            issued[rule] = worth
    return Wallet(issued, accounts[points].available if points in accounts else 0, tuple(claims))


def _balances(
    presales: Sequence[Claim], rule: str, pieces: Mapping[str, int], now: datetime
) -> list[Claim]:
    """Return the presales of a rule whose balance may be paid by a cart, one a piece."""
    usable = [
        claim
        for claim in presales
        if claim.granted.rule == rule
        and claim.state is ClaimState.DEPOSITED
        and (claim.granted.usable_from is None or claim.granted.usable_from <= now)
    ]
    wanted = pieces.get(usable[0].granted.product_key or "", 0) if usable else 0
    return usable[:wanted]

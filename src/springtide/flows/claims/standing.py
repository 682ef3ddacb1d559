"""What prices ask of a customer: the tier as of yesterday, and whether they ordered before."""

from collections.abc import Callable
from datetime import datetime

from springtide.domain.access.model import Shop
from springtide.domain.customers.standing import last_full_day, standings
from springtide.domain.facts.reader import FactReader

#: A customer's key -> (tier, has ordered before): what the facts know.
StandingOf = Callable[[str], tuple[str, bool]]
#: The tier of a customer by their key; None for who never ordered.
TierOf = Callable[[str], str | None]


def tiers_by(reader: FactReader, *, shop: Shop, now: datetime) -> TierOf:
    """Return a function from a customer's key to their tier as of yesterday; asking is free."""
    found = standings(reader, shop=shop, as_of=last_full_day(shop, now)).by_key

    def tier_of(key: str) -> str | None:
        standing = found.get(key)
        return standing.segment if standing else None

    return tier_of


def standing_by(reader: FactReader, *, shop: Shop, now: datetime) -> StandingOf:
    """Return a function from a customer's key to (tier, has ordered before yesterday's end)."""

    def standing_of(key: str) -> tuple[str, bool]:
        found = standings(reader, shop=shop, as_of=last_full_day(shop, now)).by_key.get(key)
        return (found.segment, True) if found else ("", False)

    return standing_of

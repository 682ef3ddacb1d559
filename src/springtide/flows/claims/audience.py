"""For whom a targeted reward is: customers chosen by what they did, or by their tier."""

from datetime import datetime, timedelta

from sqlglot import exp

from springtide.domain.access.model import Shop
from springtide.domain.customers.standing import last_full_day, standings
from springtide.domain.facts.kinds import said
from springtide.domain.facts.reader import FactReader
from springtide.kit.errors import N_, Refusal

#: A tier is chosen by this and its name; what customers did by the kind of fact.
TIER = "tier:"
DAYS_MAX = 730


class UnknownWho(Refusal):
    """A choice of customers that there is not."""

    code = "invite_unknown"
    text = N_("Choose for whom it is.")


class BadInviteDays(Refusal):
    """A number of days out of range."""

    code = "invite_days"
    text = N_("From 1 to {most} days, please.")


def chosen(reader: FactReader, *, shop: Shop, who: str, days: int, now: datetime) -> list[str]:
    """Return the keys of the customers, in order: of a deed in the last days, or of a tier.

    Raises UnknownWho, BadInviteDays.
    """
    if who.startswith(TIER):
        found = standings(reader, shop=shop, as_of=last_full_day(shop, now)).by_key
        return sorted(key for key, each in found.items() if each.segment == who[len(TIER) :])
    if who not in said("who"):
        raise UnknownWho
    if not 1 <= days <= DAYS_MAX:
        raise BadInviteDays(most=DAYS_MAX)
    rows = reader.rows(
        _DID, {"shop": shop.slug, "kind": who, "since": now - timedelta(days=days), "until": now}
    )
    return [row[0] for row in rows]


_DID = (
    exp.select("customer_key")
    .distinct()
    .from_("facts")
    .where(
        "shop = $shop",
        "kind = $kind",
        "customer_key is not null",
        "occurred_at >= $since",
        "occurred_at < $until",
    )
    .order_by("customer_key")
    .sql(dialect="duckdb")
)

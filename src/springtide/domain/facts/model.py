"""A fact: one thing that happened, one row, never edited; a correction is a new version."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from springtide.domain.facts.kinds import EVENT_KINDS
from springtide.kit.canonical import to_json
from springtide.kit.errors import N_, Refusal
from springtide.kit.money import AMOUNT_MINOR_MAX
from springtide.kit.time import Window

#: Sources that only Springtide itself writes; files may not claim them.
OWN_SOURCES = ("api", "simulated", "springtide")


def months(window: Window) -> tuple[str, str]:
    """Return the first and the last month (of UTC) whose facts can lie in a window.

    The column ``month`` parts the facts into files: a question that names its months opens only
    theirs.
    """
    last = max(window.starts_at, window.ends_at - timedelta(microseconds=1))
    first, end = (moment.astimezone(UTC) for moment in (window.starts_at, last))
    return f"{first:%Y-%m}", f"{end:%Y-%m}"


@dataclass(frozen=True, slots=True)
class Given:
    """A relation that a question uses by name: the rows of another question, worked out once.

    The other question may read only facts that occurred before ``before``.
    """

    name: str
    query: str
    before: datetime


@dataclass(frozen=True, slots=True)
class Fact:
    """One row of the one table; ``*_key`` are the shop's own keys, as text.

    ``(shop, source, external_id)`` names the fact; of its versions the newest wins. A fact that a
    file told has the minute since 1970 in which the file was exported for its version. Amounts are
    minor units of the shop's currency: ``amount_minor`` is what remains after ``discount_minor``.
    ``source_path`` is the traffic source, levels joined by ``/``.
    """

    shop: str
    kind: str
    occurred_at: datetime
    source: str
    external_id: str
    version: int = 1
    visitor_key: str | None = None
    customer_key: str | None = None
    product_key: str | None = None
    sku_key: str | None = None
    order_key: str | None = None
    quantity: int = 0
    amount_minor: int = 0
    discount_minor: int = 0
    source_path: str | None = None
    campaign_key: str | None = None
    reference: str | None = None
    props: Mapping[str, Any] = field(default_factory=dict)


#: The columns of the one table, with their types in DuckDB's dialect, in order.
COLUMNS: dict[str, str] = {
    "shop": "VARCHAR",
    "kind": "VARCHAR",
    "occurred_at": "TIMESTAMPTZ",
    "source": "VARCHAR",
    "external_id": "VARCHAR",
    "version": "INTEGER",
    "visitor_key": "VARCHAR",
    "customer_key": "VARCHAR",
    "product_key": "VARCHAR",
    "sku_key": "VARCHAR",
    "order_key": "VARCHAR",
    "quantity": "INTEGER",
    "amount_minor": "BIGINT",
    "discount_minor": "BIGINT",
    "source_path": "VARCHAR",
    "campaign_key": "VARCHAR",
    "reference": "VARCHAR",
    "props": "VARCHAR",
}

#: What an instant of a fact may be: earlier or later ones are typing errors.
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
#: Longest text of a key, and of all props as JSON, in characters.
KEY_LENGTH_MAX = 200
PROPS_LENGTH_MAX = 20_000
QUANTITY_MAX = 1_000_000_000


class BadFact(Refusal):
    """A fact with a value that the table cannot hold."""

    code = "bad_fact"
    text = N_("Fact {external_id}: {column} cannot be “{value}”.")


@dataclass(frozen=True, slots=True)
class Appended:
    """What an append did, in facts."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0


def check(fact: Fact) -> None:
    """Refuse a fact that the table cannot hold (``BadFact``)."""
    problem = _problem(fact)
    if problem:
        column, value = problem
        raise BadFact(external_id=fact.external_id[:60], column=column, value=str(value)[:60])


def _problem(fact: Fact) -> tuple[str, object] | None:
    if fact.kind not in EVENT_KINDS:
        return "kind", fact.kind
    if fact.occurred_at.tzinfo is None or not EARLIEST <= fact.occurred_at < LATEST:
        return "occurred_at", fact.occurred_at
    if abs(fact.quantity) > QUANTITY_MAX:
        return "quantity", fact.quantity
    for column in ("amount_minor", "discount_minor"):
        if abs(getattr(fact, column)) > AMOUNT_MINOR_MAX:
            return column, getattr(fact, column)
    for column in ("shop", "source", "external_id"):
        if not getattr(fact, column):
            return column, ""
    for column in TEXT_COLUMNS:
        text = getattr(fact, column)
        if text is not None and not _storable(text):
            return column, text
    if fact.props and len(to_json(dict(fact.props))) > PROPS_LENGTH_MAX:
        return "props", f"{{…}} > {PROPS_LENGTH_MAX}"
    return None


def _storable(text: str) -> bool:
    # PostgreSQL keeps no NUL, and no database a half of a surrogate pair.
    if len(text) > KEY_LENGTH_MAX or "\x00" in text:
        return False
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


TEXT_COLUMNS = tuple(
    name for name, type_ in COLUMNS.items() if type_ == "VARCHAR" and name not in ("kind", "props")
)

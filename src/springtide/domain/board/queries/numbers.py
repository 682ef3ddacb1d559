"""A period's metrics, each with the query and the facts behind it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from springtide.domain.board import store
from springtide.domain.board.metrics import METRICS
from springtide.domain.board.model import SIMULATED, Buyers, Metric, Ratio, Value
from springtide.domain.board.ports import FactRows
from springtide.kit.errors import NotFound
from springtide.kit.time import Window, at_wall_time

_WHOLE = 10**9


def metric(kind: str) -> type[Metric]:
    """Return the metric of a kind; refuse an unknown one."""
    if kind not in METRICS:
        raise NotFound(what="metric", key=kind[:60])
    return METRICS[kind]


def day_window(day: date, tz: ZoneInfo) -> Window:
    """Return a shop's day as a half-open window (23 or 25 hours where clocks change)."""
    return Window(at_wall_time(day, time(), tz), at_wall_time(day + timedelta(days=1), time(), tz))


def values(
    reader: FactRows, *, shop: str, window: Window, kinds: Iterable[str] | None = None
) -> dict[str, Value]:
    """Return metrics by kind over a half-open window; all of them unless ``kinds`` says which.

    One scan answers everything but new and returning buyers, which look back 365 days.
    """
    wanted = list(METRICS) if kinds is None else [metric(kind).kind for kind in kinds]
    simple = store.counted(wanted)
    amounts: dict[str, int] = {}
    simulated: dict[str, bool] = {}
    if simple:
        row = store.ask(reader, store.one_scan, shop, window, simple)[0]
        for index, part in enumerate(simple):
            amounts[part.kind] = int(row[index])
            simulated[part.kind] = bool(row[len(simple) + index])
    if any(issubclass(METRICS[kind], Buyers) for kind in wanted):
        _add_buyers(reader, shop, window, amounts, simulated)
    return {kind: value_of(kind, amounts, simulated) for kind in wanted}


def value_of(kind: str, amounts: Mapping[str, int], simulated: Mapping[str, bool]) -> Value:
    """Return a metric's value from the amounts of its parts."""
    names = [part.kind for part in store.parts(METRICS[kind])] or [kind]
    return Value(combined(kind, amounts), any(simulated.get(name, False) for name in names))


def combined(kind: str, amounts: Mapping[str, int]) -> int | None:
    """Return a metric's amount from its parts, half rounded up; None when dividing by nought."""
    member = METRICS[kind]
    if not issubclass(member, Ratio):
        return amounts.get(kind, 0)
    over, under = amounts.get(member.over.kind, 0), amounts.get(member.under.kind, 0)
    return divided(over * member.scale, under) if under else None


def divided(over: int, under: int) -> int:
    """Return a quotient of whole numbers, half rounded away from nought; ``under`` positive."""
    result = (2 * abs(over) + under) // (2 * under)
    return result if over >= 0 else -result


def _add_buyers(
    reader: FactRows,
    shop: str,
    window: Window,
    amounts: dict[str, int],
    simulated: dict[str, bool],
) -> None:
    for member in METRICS.values():
        if issubclass(member, Buyers):
            amounts[member.kind], simulated[member.kind] = 0, False
    for before, _, count, is_simulated in store.ask_buyers(reader, shop, window, _WHOLE):
        kind = "returning_buyers" if before else "new_buyers"
        amounts[kind] += int(count)
        simulated[kind] = simulated[kind] or bool(is_simulated)


@dataclass(frozen=True, slots=True)
class FactRow:
    """One fact behind a number, as a page lists it."""

    occurred_at: datetime
    kind: str
    person: str | None
    product_key: str | None
    order_key: str | None
    quantity: int
    amount_minor: int
    source: str
    external_id: str
    is_simulated: bool


def facts_behind(
    reader: FactRows,
    *,
    shop: str,
    kind: str,
    window: Window,
    product_key: str | None = None,
    skip: int = 0,
    limit: int = 50,
) -> tuple[int, Sequence[FactRow]]:
    """Return how many facts a number rests on, and one page of them, newest first."""
    base = store.behind(metric(kind), shop, window, product_key)
    total = int(reader.rows(base.select("count(*)"), before=window.ends_at)[0][0])
    page = base.select(
        # As a number: reading an instant with its zone out of DuckDB would need one more library.
        store.condition("epoch_us(occurred_at)"),
        "kind",
        store.condition("coalesce(customer_key, visitor_key)"),
        "product_key",
        "order_key",
        "quantity",
        "amount_minor",
        "source",
        "external_id",
        store.condition(SIMULATED),
    )
    page = page.order_by("occurred_at desc", "external_id").limit(limit).offset(skip)
    rows = reader.rows(page, before=window.ends_at)
    return total, [FactRow(_instant(row[0]), *row[1:]) for row in rows]


def _instant(microseconds: int) -> datetime:
    return datetime.fromtimestamp(0, UTC) + timedelta(microseconds=microseconds)


def definition_sql(*, shop: str, kind: str, window: Window) -> str:
    """Return the query, in DuckDB's dialect, that answers a metric over a window."""
    return store.sql(store.definition(metric(kind), shop, window))

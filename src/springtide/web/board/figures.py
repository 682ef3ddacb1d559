"""What the board's page draws: tiles, funnel and charts from a snapshot."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from springtide.domain.access.model import Shop
from springtide.domain.board.metrics import METRICS
from springtide.domain.board.model import Snapshot, Unit, Value
from springtide.kit.i18n import translate
from springtide.kit.time import Window
from springtide.web.frame import words
from springtide.web.frame.words import View

#: The big numbers, in this order.
TILES = (
    "paid_money", "paid_orders", "paying_buyers", "units",
    "visitors", "conversion", "paid_per_buyer", "items_per_order",
)  # fmt: skip
FUNNEL = ("visitors", "carts", "orders", "paid_orders")


@dataclass(frozen=True, slots=True)
class Tile:
    """One number as it is written, with where it is defined."""

    kind: str
    label: str
    amount: int | None
    text: str
    usual: str
    change: float | None
    href: str
    is_simulated: bool


@dataclass(frozen=True, slots=True)
class Step:
    """One step of the funnel: how wide it is, and its share of the step before."""

    tile: Tile
    share_of_first: int
    share_of_before: float | None


def written(view: View, kind: str, amount: int | None) -> str:
    """Write a metric's amount by its unit."""
    unit = METRICS[kind].unit
    if amount is None:
        return words.UNKNOWN
    if unit is Unit.MONEY:
        return words.money_short(view, amount)
    if unit is Unit.BPS:
        return words.percent(view, amount)
    if unit is Unit.RATIO:
        return words.number(view, amount / 10_000, 2)
    return words.number_short(view, amount)


def metric_href(shop: Shop, kind: str, window: Window, **more: str) -> str:
    """Return the address of a metric's definition over a window."""
    query = {
        "from": window.starts_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "to": window.ends_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        **more,
    }
    return f"/shops/{shop.slug}/metrics/{kind}?{urlencode(query)}"


def tile(view: View, shop: Shop, kind: str, value: Value, window: Window) -> Tile:
    """Return one number as the page shows it."""
    change = None if value.change_bps is None else value.change_bps / 10_000
    return Tile(
        kind=kind,
        label=translate(METRICS[kind].label, view.language),
        amount=value.amount,
        text=written(view, kind, value.amount),
        usual=written(view, kind, value.compared),
        change=change,
        href=metric_href(shop, kind, window),
        is_simulated=value.is_simulated,
    )


def funnel(view: View, shop: Shop, snapshot: Snapshot, window: Window) -> list[Step]:
    """Return visitors, carts, orders and payments, each beside the step before."""
    steps: list[Step] = []
    first = snapshot.values[FUNNEL[0]].amount or 0
    before: int | None = None
    for kind in FUNNEL:
        amount = snapshot.values[kind].amount or 0
        steps.append(
            Step(
                tile=tile(view, shop, kind, snapshot.values[kind], window),
                share_of_first=min(100, amount * 100 // first) if first else 0,
                share_of_before=amount / before if before else None,
            )
        )
        before = amount
    return steps


def money_chart(view: View, snapshot: Snapshot) -> dict[str, Any]:
    """Return the cumulative money against the usual curve, with the goal as a line."""
    say = view.language
    target = next((goal.target for goal in snapshot.goals if goal.kind == "paid_money"), None)
    paid: dict[str, Any] = {
        "name": translate("Paid so far", say),
        "type": "line",
        "areaStyle": {"opacity": 0.12},
        "lineStyle": {"width": 3},
        "data": [hour.paid_so_far_minor for hour in snapshot.hours],
        "z": 3,
    }
    usual = {
        "name": translate("Comparable days, average", say),
        "type": "line",
        "lineStyle": {"type": "dashed", "width": 2, "color": "#868e96"},
        "itemStyle": {"color": "#868e96"},
        "data": [hour.usual_so_far_minor for hour in snapshot.hours],
    }
    series = [paid, usual]
    if target:
        series.append(
            {
                "name": translate("Goal", say),
                "type": "line",
                "lineStyle": {"type": "dotted", "width": 2, "color": "#e8590c"},
                "itemStyle": {"color": "#e8590c"},
                "data": [target] * len(snapshot.hours),
            }
        )
    return {
        "units": ["money"],
        "xAxis": {"type": "category", "data": _ends(snapshot)},
        "yAxis": {"type": "value"},
        "series": series,
    }


def hour_chart(view: View, snapshot: Snapshot) -> dict[str, Any]:
    """Return visitors and paid orders of each hour."""
    say = view.language
    return {
        "units": ["number", "number"],
        "xAxis": {"type": "category", "data": [hour.label for hour in snapshot.hours]},
        "yAxis": [{"type": "value"}, {"type": "value", "splitLine": {"show": False}}],
        "series": [
            {
                "name": translate("Orders placed", say),
                "type": "bar",
                "data": [hour.values.get("orders") for hour in snapshot.hours],
            },
            {
                "name": translate("Visitors", say),
                "type": "line",
                "yAxisIndex": 1,
                "data": [hour.values.get("visitors") for hour in snapshot.hours],
            },
        ],
    }


def buyers_chart(view: View, snapshot: Snapshot) -> dict[str, Any]:
    """Return new beside returning buyers."""
    kinds = ("new_buyers", "returning_buyers")
    anyone = any(snapshot.values[kind].amount for kind in kinds)
    return {
        "units": ["number"],
        "legend": {"bottom": 0, "icon": "circle"},
        "series": [
            {
                "type": "pie",
                "radius": ["48%", "72%"],
                "center": ["50%", "44%"],
                "label": {"formatter": "{c}"},
                "data": [
                    {
                        "name": translate(METRICS[kind].label, view.language),
                        "value": (snapshot.values[kind].amount or 0) if anyone else None,
                    }
                    for kind in kinds
                ],
            }
        ],
    }


def _ends(snapshot: Snapshot) -> list[str]:
    # A cumulative point stands at the end of its hour; the last is the day's end.
    return [hour.label for hour in snapshot.hours[1:]] + ["24:00"]

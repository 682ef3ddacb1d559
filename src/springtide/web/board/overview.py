"""The overview: how the shop stands today, what comes next, who has to do what."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from litestar import Request, Response, get
from sqlalchemy import Connection

from springtide.bootstrap import House
from springtide.domain.access.model import Data, Member, Needs, Permission, Shop
from springtide.domain.access.queries import keys_near_end
from springtide.domain.board.metrics import METRICS
from springtide.domain.board.model import Value
from springtide.domain.board.queries import daily, days_window, top_products, values
from springtide.domain.campaigns.model import PHASE_TITLES, Campaign, Status, Task
from springtide.domain.campaigns.queries import campaign_tasks, current_campaign
from springtide.domain.catalog.queries import products_by_keys
from springtide.kit.errors import N_
from springtide.kit.i18n import translate
from springtide.web.board.figures import metric_href, written
from springtide.web.frame import render, words
from springtide.web.frame.navigation import NavItem
from springtide.web.frame.words import View
from springtide.web.settings.keys import WARNED_BEFORE

nav = NavItem(0, N_("Overview"), "home", "", Permission.READ)

TREND_DAYS = 90
PERIOD_DAYS = 30
TASKS_SHOWN = 6
TOP_SHOWN = 6
_TODAY = ("paid_money", "paid_orders", "paying_buyers", "units")
_PERIOD = ("paid_money", "paid_orders", "paying_buyers", "paid_per_buyer", "new_buyers")


@dataclass(frozen=True, slots=True)
class Tile:
    """One figure with its comparison."""

    label: str
    text: str
    change: float | None
    href: str


@dataclass(frozen=True, slots=True)
class NextStep:
    """What to do now with the campaign that matters: a sentence, a button and where it leads."""

    text: str
    label: str
    href: str


@get("/shops/{shop:str}", opt={"access": Needs(Permission.READ)}, sync_to_thread=True)
def overview_page(request: Request[Any, Any, Any], house: House, member: Member) -> Response[str]:
    """Show the overview."""
    shop, now = member.shop, house.now(member.shop)
    today = now.astimezone(shop.tz).date()
    view = render.view_of(request, member)
    with house.db.read() as tx:
        campaign = current_campaign(tx, shop_id=shop.id, now=now)
        tasks = _open_tasks(tx, shop, campaign)
        keys_ending = (
            keys_near_end(tx, shop_id=shop.id, now=house.real_now(), within=WARNED_BEFORE)
            if member.reads(Data.KEYS)
            else []
        )
    trend = daily(
        house.facts, shop=shop, last=today, count=TREND_DAYS, kinds=("paid_money", "paid_orders")
    )
    last_sold = max((day for day, numbers in trend.items() if numbers["paid_orders"]), default=None)
    # Days after the last known purchase are missing, not nought: the period ends where it is known.
    is_behind = last_sold is not None and last_sold < today - timedelta(days=1)
    # Full days, so that the period is the same from midnight to midnight, sale or no sale.
    until = last_sold if last_sold and is_behind else today - timedelta(days=1)
    trend_until = until if is_behind else today
    top = top_products(
        house.facts, shop=shop, window=days_window(shop, until, PERIOD_DAYS), limit=TOP_SHOWN
    )
    with house.db.read() as tx:
        products = products_by_keys(tx, shop_id=shop.id, keys=[line.product_key for line in top])
    return render.page(
        request,
        "board/overview.html",
        member=member,
        today=today,
        today_tiles=[] if is_behind else _tiles(house, view, shop, _TODAY, today, days=1, back=7),
        period_tiles=_tiles(house, view, shop, _PERIOD, until, days=PERIOD_DAYS, back=PERIOD_DAYS),
        until=until,
        trend_until=trend_until,
        is_behind=is_behind,
        trend_chart=trend_chart(view, {day: trend[day] for day in trend if day <= trend_until}),
        has_sold=last_sold is not None,
        top=[(line, products.get(line.product_key)) for line in top],
        campaign=campaign,
        phases=_phases(view, campaign, now) if campaign else [],
        campaign_status=campaign.status(now).value if campaign else "",
        step=next_step(view.language, shop, campaign, now),
        days_left=(campaign.day - today).days if campaign else None,
        tasks=tasks[:TASKS_SHOWN],
        task_count=len(tasks),
        keys_ending=keys_ending,
    )


def next_step(
    language: str, shop: Shop, campaign: Campaign | None, now: datetime
) -> NextStep | None:
    """Return what the campaign that matters wants next; None without a campaign."""
    if campaign is None:
        return None
    base = f"/shops/{shop.slug}/campaigns/{campaign.key}"
    status = campaign.status(now)
    if status is Status.DRAFT:
        text, label, href = (
            N_("The plan is a draft: nothing happens by itself until it is scheduled."),
            N_("Check and schedule"),
            base,
        )
    elif status is Status.LIVE:
        text, label, href = N_("The sale is on."), N_("Open the board"), f"{base}/board"
    elif status is Status.OPENING:
        text, label, href = (
            N_("The day has begun, but the sale is not open yet."),
            N_("See what it waits for"),
            base,
        )
    elif status is Status.WARM_UP:
        text, label, href = (
            N_("The warm-up is on: the worker carries out each action when it is due."),
            N_("See the timeline"),
            base,
        )
    elif status is Status.SCHEDULED:
        text, label, href = (
            N_("Scheduled: the worker carries out each action when it is due."),
            N_("See the timeline"),
            base,
        )
    else:
        text, label, href = (
            N_("The sale is over and withdrawn."),
            N_("Read the review"),
            f"{base}/review",
        )
    return NextStep(translate(text, language), translate(label, language), href)


def trend_chart(view: View, trend: dict[date, dict[str, int]]) -> dict[str, Any]:
    """Return the chart of paid money by day, with the mean of the last seven days."""
    paid = [numbers["paid_money"] for numbers in trend.values()]
    mean = [
        round(sum(paid[index - 6 : index + 1]) / 7) if index >= 6 else None
        for index in range(len(paid))
    ]
    say = view.language
    return {
        "units": ["money"],
        "xAxis": {"type": "category", "data": [words.day_short(view, day) for day in trend]},
        "yAxis": {"type": "value"},
        "series": [
            {"name": translate(N_("Paid money"), say), "type": "bar", "data": paid,
             "itemStyle": {"color": "#a9d6e0"}},
            {"name": translate(N_("Mean of 7 days"), say), "type": "line", "data": mean,
             "smooth": True, "itemStyle": {"color": "#0b7a93"}},
        ],
    }  # fmt: skip


def _tiles(
    house: House,
    view: View,
    shop: Shop,
    kinds: tuple[str, ...],
    last: date,
    *,
    days: int,
    back: int,
) -> list[Tile]:
    """Return the figures of the ``days`` that end with ``last``, against ``back`` days earlier."""
    window = days_window(shop, last, days)
    earlier = days_window(shop, last - timedelta(days=back), days)
    numbers = values(house.facts, shop=shop.slug, window=window, kinds=kinds)
    before = values(house.facts, shop=shop.slug, window=earlier, kinds=kinds)
    return [
        Tile(
            translate(METRICS[kind].label, view.language),
            written(view, kind, numbers[kind].amount),
            _change(numbers[kind], before[kind]),
            metric_href(shop, kind, window),
        )
        for kind in kinds
    ]


def _change(value: Value, before: Value) -> float | None:
    if value.amount is None or not before.amount:
        return None
    return (value.amount - before.amount) / before.amount


def _open_tasks(tx: Connection, shop: Shop, campaign: Campaign | None) -> list[Task]:
    if campaign is None:
        return []
    tasks = campaign_tasks(tx, shop_id=shop.id, campaign_id=campaign.id)
    return [task for task in tasks if task.done_at is None]


def _phases(view: View, campaign: Campaign, now: datetime) -> list[dict[str, str]]:
    shown = []
    for phase in campaign.phases:
        window = campaign.window(phase.kind)
        state = "now" if now in window else "done" if now >= window.ends_at else "next"
        name = phase.name or PHASE_TITLES[phase.kind]
        shown.append(
            {
                "title": translate(name, view.language),
                "when": words.instant_text(view, window.starts_at),
                "state": state,
            }
        )
    return shown


routes = [overview_page]

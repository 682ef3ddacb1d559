"""The campaigns of a shop: what runs, what comes, what was; and planning a new one."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from litestar import Response, get, post
from sqlalchemy import Connection

from springtide.bootstrap import House
from springtide.domain.access.act import Act
from springtide.domain.access.model import Member, Needs, Permission
from springtide.domain.board.queries import values
from springtide.domain.campaigns import operations, queries, template
from springtide.domain.campaigns.model import (
    STATUS_TITLES,
    Campaign,
    Draft,
    Goals,
    Status,
    Task,
)
from springtide.kit.errors import N_, Refusal
from springtide.kit.i18n import translate
from springtide.kit.time import Window
from springtide.web.campaigns.forms import address, read_draft, values_of
from springtide.web.frame.forms import AnyRequest, Form, Posted
from springtide.web.frame.navigation import NavItem
from springtide.web.frame.render import page, see_other, view_of

nav = NavItem(
    order=20,
    label=N_("Campaigns"),
    icon="calendar-event",
    path="campaigns",
    permission=Permission.READ,
)
#: A first guess of the day in the form: this many days from today.
DAYS_AHEAD = 28


@dataclass(frozen=True, slots=True)
class Row:
    """One campaign in the list."""

    campaign: Campaign
    status: Status
    status_title: str
    phase_name: str
    paid_minor: int | None
    done_count: int
    task_count: int
    is_selling: bool

    @property
    def goal_ratio(self) -> float | None:
        """How much of the money goal is reached."""
        goal = self.campaign.goals.paid_minor
        return self.paid_minor / goal if goal and self.paid_minor is not None else None


@get(
    "/shops/{shop:str}/campaigns",
    opt={"access": Needs(Permission.READ)},
    sync_to_thread=True,
)
def campaign_list(request: AnyRequest, house: House, member: Member) -> Response[Any]:
    """Show the campaigns, those that run or come first."""
    with house.db.read() as tx:
        found = queries.campaigns(tx, shop_id=member.shop.id)
        rows = [_row(tx, house, member, each) for each in found]
    order = [{Status.OPENING, Status.LIVE}, {Status.WARM_UP}, {Status.SCHEDULED, Status.DRAFT}]
    places = {status: place for place, group in enumerate(order) for status in group}
    rows.sort(key=lambda row: places.get(row.status, len(order)))
    return page(request, "campaigns/campaigns.html", member=member, rows=rows)


@get(
    "/shops/{shop:str}/campaigns/new",
    opt={"access": Needs(Permission.CAMPAIGNS_WRITE)},
    sync_to_thread=True,
)
def campaign_new(request: AnyRequest, house: House, member: Member) -> Response[Any]:
    """Show the form for a new campaign."""
    return _new_form(request, house, member, Form())


@post(
    "/shops/{shop:str}/campaigns/new",
    opt={"access": Needs(Permission.CAMPAIGNS_WRITE)},
    sync_to_thread=True,
)
def campaign_create(
    request: AnyRequest, house: House, member: Member, data: Posted
) -> Response[Any]:
    """Plan a campaign from the template."""
    shop, now = member.shop, house.now(member.shop)
    language = view_of(request, member).language
    blank = Draft("", now.astimezone(shop.tz).date(), Goals(), ())
    try:
        draft = read_draft(data, shown=blank, currency=shop.currency)
        made = house.db.run(
            lambda tx: operations.create_campaign(
                Act.of(tx, shop, member.actor, now),
                name=draft.name,
                day=draft.day,
                goals=draft.goals,
                language=language,
            )
        )
    except Refusal as refusal:
        return _new_form(request, house, member, Form.refused(data, refusal), status=422)
    message = translate(
        N_("Planned. Phases and tasks come from the template; change what differs."), language
    )
    return see_other(address(member, made), message=message)


def _new_form(
    request: AnyRequest, house: House, member: Member, form: Form, *, status: int = 200
) -> Response[Any]:
    today = house.now(member.shop).astimezone(member.shop.tz).date()
    language = view_of(request, member).language
    guess = Draft("", today + timedelta(days=DAYS_AHEAD), Goals(), ())
    return page(
        request,
        "campaigns/campaign_new.html",
        member=member,
        status=status,
        form=form,
        defaults=values_of(guess, member.shop.currency),
        phases=template.phases(language=language),
        tasks=template.tasks(language=language),
    )


def _row(tx: Connection, house: House, member: Member, campaign: Campaign) -> Row:
    now = house.now(member.shop)
    status = campaign.status(now)
    tasks: list[Task] = queries.campaign_tasks(tx, shop_id=member.shop.id, campaign_id=campaign.id)
    phase = campaign.phase_at(now)
    began = now >= campaign.selling.starts_at and campaign.scheduled_at is not None
    return Row(
        campaign=campaign,
        status=status,
        status_title=STATUS_TITLES[status],
        phase_name=phase.name if phase and status is Status.LIVE else "",
        paid_minor=_paid(house, member, campaign) if began else None,
        done_count=sum(task.done_at is not None for task in tasks),
        task_count=len(tasks),
        is_selling=status is Status.LIVE,
    )


def _paid(house: House, member: Member, campaign: Campaign) -> int | None:
    selling = campaign.selling
    until = min(selling.ends_at, house.now(member.shop))
    window = Window(selling.starts_at, until)
    found = values(house.facts, shop=member.shop.slug, window=window, kinds=["paid_money"])
    return found["paid_money"].amount


routes = [campaign_list, campaign_new, campaign_create]

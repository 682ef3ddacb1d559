"""One campaign: its timeline, goals and tasks; scheduling, withdrawing, editing it."""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from litestar import Response, get, post
from sqlalchemy import Connection

from springtide.bootstrap import House
from springtide.domain.access.act import Act
from springtide.domain.access.model import Member, Needs, Permission, Role, Shop
from springtide.domain.board.queries import day_window, values
from springtide.domain.campaigns import operations, queries
from springtide.domain.campaigns.model import PHASE_TITLES, STATUS_TITLES, Campaign, Status, Task
from springtide.domain.campaigns.operations import StaleForm, draft_of
from springtide.domain.pricing.queries import campaign_rules
from springtide.domain.pricing.rules import RULES
from springtide.flows.timeline import planning
from springtide.flows.timeline.model import Action, State
from springtide.flows.timeline.waiving import REASON_LENGTH_MAX, held_back
from springtide.kit.errors import N_, Refusal
from springtide.kit.i18n import translate
from springtide.kit.reading import whole
from springtide.web.campaigns.forms import address, campaign_of, read_draft, values_of
from springtide.web.campaigns.picture import draw
from springtide.web.campaigns.timeline import blockers_of, rows_of
from springtide.web.frame.forms import AnyRequest, Form, Posted
from springtide.web.frame.render import page, see_other, view_of

_READ = {"access": Needs(Permission.READ)}
_WRITE = {"access": Needs(Permission.CAMPAIGNS_WRITE)}
#: What a plan's parts are called when a stale form lists them.
_PARTS = {
    "name": N_("name"),
    "day": N_("day"),
    "goals": N_("goals"),
    "phases": N_("phases"),
    "note": N_("note"),
}
_GOALS = (
    ("paid_money", "paid_minor", N_("Paid money"), "money"),
    ("paying_buyers", "buyers", N_("Buyers"), "number"),
    ("units", "units", N_("Units"), "number"),
)
#: How many comparable days are averaged, and how far back they are looked for.
COMPARABLE_DAYS = 4
COMPARABLE_WEEKS_BACK = 12


@dataclass(frozen=True, slots=True)
class GoalRow:
    """One goal beside what the last comparable days brought."""

    label: str
    unit: str
    target: int
    usual: int | None

    @property
    def ratio(self) -> float | None:
        """How far the goal lies above the usual."""
        return self.target / self.usual - 1 if self.usual and self.target else None


@get("/shops/{shop:str}/campaigns/{campaign:str}", opt=_READ, sync_to_thread=True)
def campaign_page(
    request: AnyRequest, house: House, member: Member, campaign: str
) -> Response[Any]:
    """Show a campaign."""
    shop, now = member.shop, house.now(member.shop)
    with house.db.read() as tx:
        found = campaign_of(tx, member, campaign)
        tasks = queries.campaign_tasks(tx, shop_id=shop.id, campaign_id=found.id)
        rules = campaign_rules(tx, shop_id=shop.id, campaign_id=found.id)
        actions = planning.actions_of(tx, shop_id=shop.id, campaign_id=found.id)
        held = held_back(tx, campaign_id=found.id)
    status = found.status(now)
    return page(
        request,
        "campaigns/campaign.html",
        member=member,
        **frame(member, found, status, "plan"),
        picture=draw(found, actions, now),
        goals=_goals(house, member, found),
        tasks=tasks,
        late_count=sum(task.done_at is None and found.resolve(task.due) < now for task in tasks),
        rules=rules,
        rule_titles={kind: rule.title for kind, rule in RULES.items()},
        actions=rows_of(actions, held, now),
        blockers=blockers_of(actions, held, now),
        reason_length_max=REASON_LENGTH_MAX,
        can_schedule=_can_schedule(found, actions, house, member),
        can_withdraw=any(action.state in (State.DONE, State.PLANNED) for action in actions)
        and status is not Status.ENDED,
        form=Form(),
    )


@get("/shops/{shop:str}/campaigns/{campaign:str}/edit", opt=_WRITE, sync_to_thread=True)
def campaign_edit(
    request: AnyRequest, house: House, member: Member, campaign: str
) -> Response[Any]:
    """Show the form of a plan."""
    with house.db.read() as tx:
        found = campaign_of(tx, member, campaign)
    return _edit_form(request, house, member, found, Form())


@post("/shops/{shop:str}/campaigns/{campaign:str}/edit", opt=_WRITE, sync_to_thread=True)
def campaign_save(
    request: AnyRequest, house: House, member: Member, campaign: str, data: Posted
) -> Response[Any]:
    """Save a plan; a stale form comes back with what was typed and what changed meanwhile."""
    shop, language = member.shop, view_of(request, member).language
    with house.db.read() as tx:
        found = campaign_of(tx, member, campaign)
    try:
        version = whole(str(data.get("version", ""))) or 0
        draft = read_draft(data, shown=draft_of(found), currency=shop.currency)

        def work(tx: Connection) -> Campaign:
            saved = operations.edit_campaign(
                Act.of(tx, shop, member.actor), campaign_id=found.id, version=version, draft=draft
            )
            if saved.scheduled_at and saved.withdrawn_at is None and saved != found:
                _move(tx, house, member, saved)
            return saved

        saved = house.db.run(work)
    except StaleForm as stale:
        names = str(stale.facts["names"]).split(", ")
        shown = ", ".join(translate(_PARTS.get(name, name), language) for name in names)
        refusal = StaleForm(who=stale.facts["who"], names=shown)
        return _edit_form(request, house, member, found, Form.refused(data, refusal), status=409)
    except Refusal as refusal:
        return _edit_form(request, house, member, found, Form.refused(data, refusal), status=422)
    return see_other(address(member, saved), message=translate(N_("Saved."), language))


@post("/shops/{shop:str}/campaigns/{campaign:str}/schedule", opt=_WRITE, sync_to_thread=True)
def campaign_schedule(
    request: AnyRequest, house: House, member: Member, campaign: str, data: Posted
) -> Response[Any]:
    """Put the campaign's actions on the timeline."""

    def work(tx: Connection) -> Campaign:
        found = campaign_of(tx, member, campaign)
        planning.schedule(Act.of(tx, member.shop, member.actor), campaign=found)
        return found

    found = house.db.run(work)
    message = N_("Scheduled: prices and rules go live and come back by themselves.")
    return _back(request, member, found, message)


@post("/shops/{shop:str}/campaigns/{campaign:str}/withdraw", opt=_WRITE, sync_to_thread=True)
def campaign_withdraw(
    request: AnyRequest, house: House, member: Member, campaign: str, data: Posted
) -> Response[Any]:
    """Undo everything that still holds, from now on."""

    def work(tx: Connection) -> Campaign:
        found = campaign_of(tx, member, campaign)
        planning.withdraw_now(Act.of(tx, member.shop, member.actor), campaign_id=found.id)
        return found

    found = house.db.run(work)
    message = N_("Being withdrawn: prices go back, rules off, unpaid orders close.")
    return _back(request, member, found, message)


def frame(member: Member, campaign: Campaign, status: Status, tab: str) -> dict[str, Any]:
    """Return what the head of each of a campaign's pages shows."""
    return {
        "campaign": campaign,
        "base": address(member, campaign),
        "standing": status,
        "status_title": STATUS_TITLES[status],
        "tab": tab,
        "may_write": member.may(Permission.CAMPAIGNS_WRITE),
        "may_waive": member.may(Permission.HOLDS_WAIVE),
        "phase_titles": PHASE_TITLES,
        "may_price": member.may(Permission.PRICES_WRITE),
    }


def by_role(tasks: list[Task]) -> dict[Role, list[Task]]:
    """Return the tasks under their roles, in the order of the roles."""
    return {role: [t for t in tasks if t.role is role] for role in Role}


def _move(tx: Any, house: House, member: Member, saved: Campaign) -> None:
    """Give what waits on the timeline its new times; a day that is over stays as it was."""
    now = house.now(member.shop)
    if saved.selling.ends_at > now:
        planning.schedule(Act.of(tx, member.shop, member.actor, now), campaign=saved)


def _back(request: AnyRequest, member: Member, campaign: Campaign, message: str) -> Response[Any]:
    language = view_of(request, member).language
    return see_other(address(member, campaign), message=translate(message, language))


def _edit_form(
    request: AnyRequest,
    house: House,
    member: Member,
    campaign: Campaign,
    form: Form,
    *,
    status: int = 200,
) -> Response[Any]:
    return page(
        request,
        "campaigns/campaign_edit.html",
        member=member,
        status=status,
        **frame(member, campaign, campaign.status(house.now(member.shop)), "edit"),
        form=form,
        defaults=values_of(draft_of(campaign), member.shop.currency),
    )


def _can_schedule(campaign: Campaign, actions: list[Action], house: House, member: Member) -> bool:
    is_ahead = campaign.selling.ends_at > house.now(member.shop)
    is_off = campaign.scheduled_at is None or campaign.withdrawn_at is not None
    return is_ahead and (is_off or not actions)


def _goals(house: House, member: Member, campaign: Campaign) -> list[GoalRow]:
    past = usual_days(house, member.shop, campaign)
    rows = []
    for kind, name, label, unit in _GOALS:
        numbers = [day[kind] for day in past]
        usual = sum(numbers) // len(numbers) if numbers else None
        rows.append(GoalRow(label, unit, getattr(campaign.goals, name), usual))
    return rows


def usual_days(house: House, shop: Shop, campaign: Campaign) -> list[dict[str, int]]:
    """Return the numbers of the last same weekdays with orders before the campaign began."""
    began_on = campaign.whole.starts_at.astimezone(campaign.tz).date()
    found: list[dict[str, int]] = []
    for weeks in range(1, COMPARABLE_WEEKS_BACK + 1):
        day = campaign.day - timedelta(weeks=weeks)
        if day < began_on:
            numbers = _day_numbers(house, shop, day)
            found += [numbers] if numbers["orders"] else []
        if len(found) == COMPARABLE_DAYS:
            break
    return found


def _day_numbers(house: House, shop: Shop, day: date) -> dict[str, int]:
    kinds = ["orders", *(kind for kind, *_ in _GOALS)]
    window = day_window(day, shop.tz)
    counted = values(house.facts, shop=shop.slug, window=window, kinds=kinds)
    return {kind: value.amount or 0 for kind, value in counted.items()}


routes = [
    campaign_page,
    campaign_edit,
    campaign_save,
    campaign_schedule,
    campaign_withdraw,
]

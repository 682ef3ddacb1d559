"""A campaign's tasks by role: ticked line by line, added, removed."""

from typing import Any

from litestar import Response, get, post
from sqlalchemy import Connection

from springtide.bootstrap import House
from springtide.domain.access.act import Act
from springtide.domain.access.model import Member, Needs, Permission
from springtide.domain.campaigns import queries
from springtide.domain.campaigns import tasks as operations
from springtide.domain.campaigns.model import PHASE_TITLES, Campaign, Task
from springtide.flows.timeline.planning import gated_phases
from springtide.kit import ids
from springtide.kit.errors import N_, Refusal
from springtide.kit.i18n import translate
from springtide.web.campaigns.campaign import by_role, frame
from springtide.web.campaigns.forms import address, campaign_of, read_gate, read_task
from springtide.web.frame.forms import AnyRequest, Form, Posted
from springtide.web.frame.render import page, see_other, view_of

_TICK = {"access": Needs(Permission.TASKS_WRITE)}
_PATH = "/shops/{shop:str}/campaigns/{campaign:str}/tasks"


@get(_PATH, opt={"access": Needs(Permission.READ)}, sync_to_thread=True)
def task_page(request: AnyRequest, house: House, member: Member, campaign: str) -> Response[Any]:
    """Show the tasks by role."""
    with house.db.read() as tx:
        found = campaign_of(tx, member, campaign)
    return _page(request, house, member, found, Form())


@post(_PATH, opt={"access": Needs(Permission.CAMPAIGNS_WRITE)}, sync_to_thread=True)
def task_add(
    request: AnyRequest, house: House, member: Member, campaign: str, data: Posted
) -> Response[Any]:
    """Add a task."""
    with house.db.read() as tx:
        found = campaign_of(tx, member, campaign)
    try:
        task = read_task(data)
        house.db.run(
            lambda tx: operations.add_task(
                Act.of(tx, member.shop, member.actor), campaign_id=found.id, task=task
            )
        )
    except Refusal as refusal:
        return _page(request, house, member, found, Form.refused(data, refusal), status=422)
    return _back(request, member, found, N_("Task added."))


@post(f"{_PATH}/{{task:str}}/lines/{{position:int}}", opt=_TICK, sync_to_thread=True)
def task_tick(
    request: AnyRequest,
    house: House,
    member: Member,
    campaign: str,
    task: str,
    position: int,
    data: Posted,
) -> Response[Any]:
    """Tick or untick a line; the answer is the task as it stands now."""

    def work(tx: Connection) -> tuple[Campaign, Task]:
        found = campaign_of(tx, member, campaign)
        after = operations.tick(
            Act.of(tx, member.shop, member.actor),
            campaign_id=found.id,
            task_id=ids.inward("tsk", task),
            position=position,
            is_done=data.get("done") == "on",
        )
        return found, after

    found, after = house.db.run(work)
    return _one(request, house, member, found, after)


@post(f"{_PATH}/{{task:str}}/done", opt=_TICK, sync_to_thread=True)
def task_finish(
    request: AnyRequest, house: House, member: Member, campaign: str, task: str, data: Posted
) -> Response[Any]:
    """Say that a task is done, or open it again."""

    def work(tx: Connection) -> tuple[Campaign, Task]:
        found = campaign_of(tx, member, campaign)
        after = operations.finish(
            Act.of(tx, member.shop, member.actor),
            campaign_id=found.id,
            task_id=ids.inward("tsk", task),
            is_done=data.get("done") == "on",
        )
        return found, after

    found, after = house.db.run(work)
    return _one(request, house, member, found, after)


@post(
    f"{_PATH}/{{task:str}}/remove",
    opt={"access": Needs(Permission.CAMPAIGNS_WRITE)},
    sync_to_thread=True,
)
def task_remove(
    request: AnyRequest, house: House, member: Member, campaign: str, task: str, data: Posted
) -> Response[Any]:
    """Take a task off the plan."""

    def work(tx: Connection) -> Campaign:
        found = campaign_of(tx, member, campaign)
        operations.remove_task(
            Act.of(tx, member.shop, member.actor),
            campaign_id=found.id,
            task_id=ids.inward("tsk", task),
        )
        return found

    found = house.db.run(work)
    return _back(request, member, found, N_("Task removed."))


@post(
    f"{_PATH}/{{task:str}}/gate",
    opt={"access": Needs(Permission.CAMPAIGNS_WRITE)},
    sync_to_thread=True,
)
def task_gate(
    request: AnyRequest, house: House, member: Member, campaign: str, task: str, data: Posted
) -> Response[Any]:
    """Say which phase does not open before a task is done."""
    gate = read_gate(data)

    def work(tx: Connection) -> Campaign:
        found = campaign_of(tx, member, campaign)
        operations.set_gate(
            Act.of(tx, member.shop, member.actor),
            campaign_id=found.id,
            task_id=ids.inward("tsk", task),
            gate=gate,
        )
        return found

    found = house.db.run(work)
    return _back(request, member, found, N_("Saved."))


def _page(
    request: AnyRequest,
    house: House,
    member: Member,
    campaign: Campaign,
    form: Form,
    *,
    status: int = 200,
) -> Response[Any]:
    with house.db.read() as tx:
        found = queries.campaign_tasks(tx, shop_id=member.shop.id, campaign_id=campaign.id)
    return page(
        request,
        "campaigns/campaign_tasks.html",
        member=member,
        status=status,
        **frame(member, campaign, campaign.status(house.now(member.shop)), "tasks"),
        **_words(view_of(request, member).language),
        groups={role: each for role, each in by_role(found).items() if each},
        done_count=sum(task.done_at is not None for task in found),
        task_count=len(found),
        form=form,
    )


def _one(
    request: AnyRequest, house: House, member: Member, campaign: Campaign, task: Task
) -> Response[Any]:
    # Without scripts the browser posts the same form and comes back to the page.
    if "hx-request" not in request.headers:
        return see_other(address(member, campaign, "tasks"))
    status = campaign.status(house.now(member.shop))
    words = _words(view_of(request, member).language)
    context = {**frame(member, campaign, status, "tasks"), **words}
    return page(request, "campaigns/_campaign_task.html", member=member, task=task, **context)


def _words(language: str) -> dict[str, Any]:
    """Return the phases that a task may hold, as a form offers them."""
    gates = [(phase.value, translate(PHASE_TITLES[phase], language)) for phase in gated_phases()]
    return {"gates": [("", translate(N_("nothing waits for it"), language)), *gates]}


def _back(request: AnyRequest, member: Member, campaign: Campaign, message: str) -> Response[Any]:
    text = translate(message, view_of(request, member).language)
    return see_other(address(member, campaign, "tasks"), message=text)


routes = [task_page, task_add, task_tick, task_finish, task_gate, task_remove]

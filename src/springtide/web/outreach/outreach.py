"""Outreach pages: the list, the form with live count and preview, one outreach and its effect."""

import time
from typing import Annotated, Any
from uuid import UUID

from litestar import Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body
from sqlalchemy import Connection

from springtide.bootstrap import House
from springtide.domain.access.act import Act
from springtide.domain.access.model import Data, Member, Needs, Permission, reading
from springtide.domain.campaigns.model import Campaign
from springtide.domain.campaigns.queries import campaigns as read_campaigns
from springtide.domain.catalog.queries import departments as read_departments
from springtide.domain.customers.queries import last_full_day
from springtide.domain.outreach import operations, queries
from springtide.domain.outreach.model import (
    MESSAGE_STATES,
    OUTREACH_STATES,
    BadSegment,
    MessageState,
    Outreach,
    OutreachStatus,
)
from springtide.domain.outreach.ports import (
    LABELS,
    channels,
)
from springtide.domain.outreach.queries import Reach
from springtide.flows.timeline import planning
from springtide.kit.errors import N_, Refusal
from springtide.kit.i18n import translate
from springtide.kit.ids import inward, outward
from springtide.web.frame.forms import AnyRequest, Form
from springtide.web.frame.navigation import NavItem
from springtide.web.frame.render import language_of, page, see_other
from springtide.web.frame.tiers import COLOURS, SEGMENT_NAMES
from springtide.web.outreach import form as forms

nav = NavItem(
    order=25,
    label=N_("Outreach"),
    icon="send",
    path="outreach",
    permission=reading(Data.OUTREACH).permission,
)
Fields = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]
_READ = {"access": reading(Data.OUTREACH)}
_SEND = {"access": Needs(Permission.OUTREACH_SEND)}
_LIST = "/shops/{shop:str}/outreach"
_ONE = _LIST + "/{outreach:str}"
DEPARTMENTS_SECONDS = 60.0
_kept_departments: dict[UUID, tuple[float, list[str]]] = {}


@get(_LIST, opt=_READ, sync_to_thread=True)
def outreaches_page(request: AnyRequest, house: House, member: Member) -> Response[str]:
    """Show every outreach with its progress."""
    with house.db.read() as tx:
        found = queries.outreaches_of(tx, shop_id=member.shop.id)
        rows = [(one, queries.progress(tx, outreach_id=one.id)) for one in found]
        names = {c.id: c.name for c in read_campaigns(tx, shop_id=member.shop.id)}
    return page(
        request,
        "outreach/outreaches.html",
        member=member,
        rows=rows,
        campaign_names=names,
        status_labels=OUTREACH_STATES,
        may_send=member.may(Permission.OUTREACH_SEND),
    )


@get(_LIST + "/new", opt=_SEND, sync_to_thread=True)
def new_page(request: AnyRequest, house: House, member: Member) -> Response[str]:
    """Show an empty form."""
    campaign = request.query_params.get("campaign", "")
    values = forms.new_values(member.shop, language_of(request, member), campaign)
    return _form(request, house, member, Form(values))


@post(_LIST + "/new", opt=_SEND, sync_to_thread=True)
def create(request: AnyRequest, house: House, member: Member, data: Fields) -> Response[Any]:
    """Keep a new draft."""
    values = forms.typed(data)
    try:
        made = house.db.run(
            lambda tx: operations.create_outreach(
                Act.of(tx, member.shop, member.actor),
                draft=forms.draft_of(values, member.shop.currency),
            )
        )
    except Refusal as refusal:
        return _form(request, house, member, forms.refused(values, refusal), status=422)
    return _to(request, member, made.id, N_("Kept as a draft."))


@get(_ONE + "/edit", opt=_SEND, sync_to_thread=True)
def edit_page(request: AnyRequest, house: House, member: Member, outreach: str) -> Response[str]:
    """Show a draft's form."""
    with house.db.read() as tx:
        found = _find(tx, member, outreach)
    values = forms.values_of(found, member.shop.currency)
    return _form(request, house, member, Form(values), found)


@post(_ONE + "/edit", opt=_SEND, sync_to_thread=True)
def change(
    request: AnyRequest, house: House, member: Member, outreach: str, data: Fields
) -> Response[Any]:
    """Change a draft."""
    values = forms.typed(data)
    with house.db.read() as tx:
        found = _find(tx, member, outreach)
    try:
        house.db.run(
            lambda tx: operations.change_outreach(
                Act.of(tx, member.shop, member.actor),
                outreach_id=found.id,
                draft=forms.draft_of(values, member.shop.currency),
            )
        )
    except Refusal as refusal:
        return _form(request, house, member, forms.refused(values, refusal), found, status=422)
    return _to(request, member, found.id, N_("The draft was changed."))


@get(_LIST + "/reach", opt=_SEND, sync_to_thread=True)
def reach_fragment(request: AnyRequest, house: House, member: Member) -> Response[str]:
    """Count the people of the segment in the form, as it is typed."""
    asked = request.query_params
    fields = {name: asked.getall(name) for name in asked}
    values = forms.typed(fields)
    return page(
        request, "outreach/_outreach_reach.html", member=member, reach=_reach(house, member, values)
    )


@post(_LIST + "/preview", opt=_SEND, sync_to_thread=True)
def preview_fragment(request: AnyRequest, member: Member, data: Fields) -> Response[str]:
    """Show the letter of the form, as it is typed."""
    values = forms.typed(data)
    return page(
        request,
        "outreach/_outreach_preview.html",
        member=member,
        letter=_preview(request, member, values),
    )


@get(_ONE, opt=_READ, sync_to_thread=True)
def outreach_page(
    request: AnyRequest, house: House, member: Member, outreach: str
) -> Response[str]:
    """Show one outreach: who, what, how far, what came of it."""
    shop, now = member.shop, house.now(member.shop)
    with house.db.read() as tx:
        found = _find(tx, member, outreach)
        progress = queries.progress(tx, outreach_id=found.id)
        campaign = _campaign(tx, member, found)
        uncertain = queries.messages_in_state(
            tx, outreach_id=found.id, state=MessageState.UNCERTAIN
        )
        failed = queries.messages_in_state(tx, outreach_id=found.id, state=MessageState.FAILED)
        effect = queries.result_so_far(
            house.facts, tx, shop=shop, outreach=found,
            until=campaign.selling.ends_at if campaign else None, now=now,
        )  # fmt: skip
    values = forms.values_of(found, shop.currency)
    reach = _reach(house, member, values) if found.status == OutreachStatus.DRAFT else None
    return page(
        request,
        "outreach/outreach.html",
        member=member,
        outreach=found,
        progress=progress,
        counts={str(state): count for state, count in progress.counts.items()},
        campaign=campaign,
        reach=reach,
        effect=effect,
        uncertain=uncertain,
        failed=failed,
        letter=_preview(request, member, values),
        status_labels=OUTREACH_STATES,
        state_labels=MESSAGE_STATES,
        colours=COLOURS,
        may_send=member.may(Permission.OUTREACH_SEND),
        can_wait=campaign is not None and campaign.whole.starts_at > now,
        is_moving=found.status in (OutreachStatus.FROZEN, OutreachStatus.SENDING),
    )


@post(_ONE + "/send", opt=_SEND, sync_to_thread=True)
def send(
    request: AnyRequest, house: House, member: Member, outreach: str, data: Fields
) -> Response[Any]:
    """Fix the audience and hand the sending to the worker, for now or for the warm-up."""
    shop, now, real_now = member.shop, house.now(member.shop), house.real_now()
    with house.db.read() as tx:
        found = _find(tx, member, outreach)
        campaign = _campaign(tx, member, found)
        reach = queries.segment_reach(
            tx,
            reader=house.facts,
            shop=shop,
            segment=found.segment,
            as_of=last_full_day(shop, now),
            channel=found.channel,
        )

    def work(tx: Connection) -> None:
        operations.freeze_audience(
            Act(tx, shop, member.actor, now, real_now),
            outreach_id=found.id,
            customer_keys=reach.keys,
        )
        if campaign is not None:
            planning.plan_outreach(
                Act.of(tx, shop, member.actor, now),
                campaign=campaign,
                outreach_id=found.id,
                at=None if data.get("when") == "warm_up" else now,
            )
        else:
            planning.enqueue(
                Act.of(tx, shop, member.actor, now),
                kind=planning.SEND_OUTREACH,
                params={"outreach_id": str(found.id)},
                target=str(found.id),
            )

    house.db.run(work)
    return _to(request, member, found.id, N_("The audience is fixed; the worker sends it."))


@post(_ONE + "/cancel", opt=_SEND, sync_to_thread=True)
def cancel(request: AnyRequest, house: House, member: Member, outreach: str) -> Response[Any]:
    """Call an outreach off; what is sent stays sent."""

    def work(tx: Connection) -> Outreach:
        found = _find(tx, member, outreach)
        operations.cancel_outreach(Act.of(tx, member.shop, member.actor), outreach_id=found.id)
        return found

    found = house.db.run(work)
    return _to(request, member, found.id, N_("Called off; nobody else gets it."))


@post(_ONE + "/settle", opt=_SEND, sync_to_thread=True)
def settle(
    request: AnyRequest, house: House, member: Member, outreach: str, data: Fields
) -> Response[Any]:
    """Write down what became of a message that may have gone."""

    def work(tx: Connection) -> Outreach:
        found = _find(tx, member, outreach)
        operations.settle_uncertain(
            Act.of(tx, member.shop, member.actor),
            message_id=inward("msg", str(data.get("message", ""))),
            was_sent=data.get("was_sent") == "yes",
        )
        return found

    found = house.db.run(work)
    return _to(request, member, found.id, N_("Written down."))


def _form(
    request: AnyRequest,
    house: House,
    member: Member,
    form: Form,
    outreach: Outreach | None = None,
    status: int = 200,
) -> Response[str]:
    departments = _departments(house, member)
    with house.db.read() as tx:
        campaigns = read_campaigns(tx, shop_id=member.shop.id)
    return page(
        request,
        "outreach/outreach_form.html",
        member=member,
        status=status,
        form=form,
        outreach=outreach,
        tiers=SEGMENT_NAMES,
        colours=COLOURS,
        departments=departments,
        campaigns=[(outward("cmp", one.id), one.name) for one in campaigns],
        reach=_reach(house, member, form.values),
        letter=_preview(request, member, form.values),
        variables=forms.variables(),
        channels=list(LABELS.items()),
        subject_channels=forms.subject_channels(),
    )


def _departments(house: House, member: Member) -> list[str]:
    """Return the shop's departments, read at most once a minute: the whole catalog is looked at."""
    read_at, kept = _kept_departments.get(member.shop.id, (0.0, []))
    if not kept or time.monotonic() - read_at > DEPARTMENTS_SECONDS:
        with house.db.read() as tx:
            kept = read_departments(tx, shop_id=member.shop.id)
        _kept_departments[member.shop.id] = (time.monotonic(), kept)
    return kept


def _reach(house: House, member: Member, values: dict[str, object]) -> Reach | None:
    try:
        segment = forms.segment_of(values, member.shop.currency)
    except (Refusal, BadSegment):
        return None
    channel = forms.channel_of(values)
    if channel not in channels:
        return None
    with house.db.read() as tx:
        return queries.segment_reach(
            tx,
            reader=house.facts,
            shop=member.shop,
            segment=segment,
            channel=channel,
            as_of=last_full_day(member.shop, house.now(member.shop)),
        )


def _preview(request: AnyRequest, member: Member, values: dict[str, object]) -> Any:
    name = translate(forms.SAMPLE_NAME, language_of(request, member))
    return forms.preview(member.shop, values, name)


def _campaign(tx: Connection, member: Member, outreach: Outreach) -> Campaign | None:
    found = read_campaigns(tx, shop_id=member.shop.id) if outreach.campaign_id else []
    return next((one for one in found if one.id == outreach.campaign_id), None)


def _find(tx: Connection, member: Member, outreach: str) -> Outreach:
    return queries.outreach(tx, shop_id=member.shop.id, outreach_id=inward("otr", outreach))


def _to(request: AnyRequest, member: Member, outreach_id: UUID, text: str) -> Response[Any]:
    address = f"/shops/{member.shop.slug}/outreach/{outward('otr', outreach_id)}"
    return see_other(address, message=translate(text, language_of(request, member)))


routes = [
    outreaches_page,
    new_page,
    create,
    edit_page,
    change,
    reach_fragment,
    preview_fragment,
    outreach_page,
    send,
    cancel,
    settle,
]

"""The board: a campaign's day as it happens, refreshed by server-sent events."""

import asyncio
import json
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import anyio.to_thread
from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body
from litestar.response import Redirect, Stream
from sqlalchemy import Connection

from springtide.bootstrap import House
from springtide.domain.access.act import Act
from springtide.domain.access.model import Member, Needs, Permission, Shop
from springtide.domain.access.queries import shop_by_slug
from springtide.domain.board.model import Snapshot
from springtide.domain.board.plans import plan_of
from springtide.domain.board.queries import Snapshots, day_window
from springtide.domain.campaigns.model import Campaign, Status
from springtide.domain.campaigns.queries import campaign as read_campaign
from springtide.domain.campaigns.queries import current_campaign
from springtide.domain.catalog.queries import products_by_keys
from springtide.flows.timeline import planning
from springtide.flows.timeline.model import Action, State
from springtide.flows.timeline.waiving import held_back
from springtide.kit.errors import N_, Refusal
from springtide.kit.ids import inward
from springtide.kit.time import Window
from springtide.web.board import figures
from springtide.web.campaigns.timeline import name_of
from springtide.web.frame import sessions
from springtide.web.frame.navigation import NavItem
from springtide.web.frame.render import page, render, see_other, view_of
from springtide.web.frame.words import View

nav = NavItem(
    order=40, label=N_("Board"), icon="activity", path="board", permission=Permission.READ
)
_RULE = {"access": Needs(Permission.READ)}

STREAMS_MAX = 200
#: Of one session: a browser holds no more than six connections to a host.
SESSION_STREAMS_MAX = 6
#: How often a stream looks whether anything changed, and how long it lives; browsers come again.
LOOK_SECONDS = 0.25
STREAM_SECONDS = 600.0
HEARTBEAT_SECONDS = 10.0
#: How often a stream looks whether its session still holds and its person still belongs here.
ADMIT_SECONDS = 2.0
#: A snapshot this young serves every stream of the same campaign.
SHARED_SECONDS = 0.2
DEMO_DAY = "demo_day"
#: How fast the button lets the demo's clock run; the first is meant unless another is chosen.
SPEEDS = (600, 7_200)
Fields = Annotated[dict[str, Any], Body(media_type=RequestEncodingType.URL_ENCODED)]


class TooManyStreams(Refusal):
    """More open boards than this process serves."""

    code = "too_many_streams"
    status = 503
    text = N_("Too many boards are open; this one does not refresh by itself for now.")


@dataclass
class Boards:
    """What a process keeps for its boards: past days' curves, the latest snapshot, open streams."""

    snapshots: Snapshots
    lock: threading.Lock = field(default_factory=threading.Lock)
    latest: dict[UUID, tuple[float, Snapshot]] = field(default_factory=dict)
    streams: Counter[str] = field(default_factory=Counter)

    def is_full(self, session: str) -> bool:
        """Tell whether a session, or all together, have as many streams open as they may."""
        return self.streams.total() >= STREAMS_MAX or self.streams[session] >= SESSION_STREAMS_MAX

    def take(self, house: House, shop: Shop, campaign: Campaign) -> Snapshot:
        """Return the campaign's snapshot, taken now or a moment ago for another stream."""
        with self.lock:
            taken_at, snapshot = self.latest.get(campaign.id, (0.0, None))
            if snapshot is None or time.monotonic() - taken_at > SHARED_SECONDS:
                snapshot = self.snapshots.take(
                    shop=shop, plan=plan_of(campaign), now=house.now(shop)
                )
                self.latest[campaign.id] = (time.monotonic(), snapshot)
            return snapshot


@dataclass(frozen=True)
class Scene:
    """Everything one rendering of the board shows."""

    shop: Shop
    campaign: Campaign
    snapshot: Snapshot
    names: dict[str, str]
    job: Action | None
    #: What a sale that should be open waits for.
    waits_for: tuple[str, ...] = ()

    @property
    def window(self) -> Window:
        """The campaign's day so far, for the links behind the numbers."""
        return day_window(self.campaign.day, self.shop.tz)


@get("/shops/{shop:str}/board", opt=_RULE, sync_to_thread=True)
def current_board(request: Request[Any, Any, Any], house: House, member: Member) -> Response[Any]:
    """Lead to the board of the campaign that matters now."""
    with house.db.read() as tx:
        found = current_campaign(tx, shop_id=member.shop.id, now=house.now(member.shop))
    if found is None:
        return page(request, "board/board_empty.html", member=member)
    return Redirect(f"/shops/{member.shop.slug}/campaigns/{found.key}/board", status_code=303)


@get("/shops/{shop:str}/campaigns/{campaign:str}/board", opt=_RULE, sync_to_thread=True)
def board_page(
    request: Request[Any, Any, Any], house: House, member: Member, campaign: str
) -> Response[Any]:
    """Show the board."""
    scene = look(request.app.state, house, member.shop, inward("cmp", campaign))
    view = view_of(request, member)
    return page(request, "board/board.html", member=member, **context(view, scene))


@get("/shops/{shop:str}/campaigns/{campaign:str}/board/stream", opt=_RULE)
async def board_stream(
    request: Request[Any, Any, Any], house: House, member: Member, campaign: str
) -> Stream:
    """Send the board again whenever the facts, or the shop's time, have changed."""
    boards = boards_of(request.app.state, house)
    session = sessions.session_token(request, house) or ""
    if boards.is_full(session):
        raise TooManyStreams
    view = view_of(request, member)
    campaign_id = inward("cmp", campaign)
    messages = _messages(request.app.state, house, member, campaign_id, view, session)
    return Stream(
        messages,
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


@post("/shops/{shop:str}/campaigns/{campaign:str}/board/run", opt={
    "access": Needs(Permission.CAMPAIGNS_WRITE)
}, sync_to_thread=True)  # fmt: skip
def run_day(
    request: Request[Any, Any, Any], house: House, member: Member, campaign: str, data: Fields
) -> Redirect:
    """Let the worker replay the demo's day; for demo shops alone."""
    here = f"/shops/{member.shop.slug}/campaigns/{campaign}/board"
    if not member.shop.is_demo:
        return see_other(here)
    speed = next((each for each in SPEEDS if str(each) == data.get("speed")), SPEEDS[0])

    def work(tx: Connection) -> None:
        found = read_campaign(tx, shop_id=member.shop.id, campaign_id=inward("cmp", campaign))
        planning.enqueue(
            Act.of(tx, member.shop, member.actor),
            kind=DEMO_DAY,
            params={"campaign": found.key, "speed": speed},
            target=found.key,
        )

    house.db.run(work)
    return see_other(here)


def boards_of(state: Any, house: House) -> Boards:
    """Return what this process keeps for its boards."""
    boards: Boards | None = state.get("boards")
    if boards is None:
        boards = state["boards"] = Boards(Snapshots(house.facts))
    return boards


def look(state: Any, house: House, shop: Shop, campaign_id: UUID) -> Scene:
    """Return everything the board shows at this moment."""
    with house.db.read() as tx:
        campaign = read_campaign(tx, shop_id=shop.id, campaign_id=campaign_id)
        jobs = planning.jobs_of(tx, shop_id=shop.id, kinds=[DEMO_DAY], limit=1)
        waits_for = _waits_for(tx, campaign, house.now(shop))
    snapshot = boards_of(state, house).take(house, shop, campaign)
    keys = {line.product_key for line in (*snapshot.top_by_money, *snapshot.top_by_units)}
    with house.db.read() as tx:
        found = products_by_keys(tx, shop_id=shop.id, keys=keys)
    names = {key: product.name for key, product in found.items()}
    return Scene(shop, campaign, snapshot, names, jobs[0] if jobs else None, waits_for)


def _waits_for(tx: Connection, campaign: Campaign, now: datetime) -> tuple[str, ...]:
    """Return what holds up a sale that should be open."""
    if campaign.status(now) is not Status.OPENING:
        return ()
    found = held_back(tx, campaign_id=campaign.id).values()
    return tuple({hold.id: name_of(hold) for holds in found for hold in holds}.values())


def context(view: View, scene: Scene) -> dict[str, Any]:
    """Return what the templates of the board need."""
    snapshot, shop, window = scene.snapshot, scene.shop, scene.window
    is_running = scene.job is not None and scene.job.state in (State.PLANNED, State.RUNNING)
    return {
        "campaign": scene.campaign,
        "base": f"/shops/{shop.slug}/campaigns/{scene.campaign.key}",
        "snapshot": snapshot,
        "tiles": [
            figures.tile(view, shop, kind, snapshot.values[kind], window)
            for kind in figures.TILES
            if kind not in {goal.kind for goal in snapshot.goals}
        ],
        "buyers": [
            figures.tile(view, shop, kind, snapshot.values[kind], window)
            for kind in ("new_buyers", "returning_buyers")
        ],
        "goals": [
            (figures.tile(view, shop, goal.kind, snapshot.values[goal.kind], window), goal)
            for goal in snapshot.goals
        ],
        "write": lambda kind, amount: figures.written(view, kind, amount),
        "funnel": figures.funnel(view, shop, snapshot, window),
        "money_chart": figures.money_chart(view, snapshot),
        "hour_chart": figures.hour_chart(view, snapshot),
        "buyers_chart": figures.buyers_chart(view, snapshot),
        "names": scene.names,
        "product_href": lambda key: figures.metric_href(shop, "paid_money", window, product=key),
        "heroes": {hero.product_key for hero in scene.campaign.heroes},
        "phase": scene.campaign.phase_at(snapshot.as_of),
        "standing": scene.campaign.status(snapshot.as_of),
        "starts_at": (
            scene.campaign.selling.starts_at
            if snapshot.as_of < scene.campaign.selling.starts_at
            else None
        ),
        "waits_for": scene.waits_for,
        "job": scene.job,
        "job_is_running": is_running,
    }


async def _messages(
    state: Any, house: House, member: Member, campaign_id: UUID, view: View, session: str
) -> AsyncIterator[bytes]:
    boards = boards_of(state, house)
    if boards.is_full(session):
        # Others of the same moment were quicker than the refusal.
        return
    boards.streams[session] += 1
    began = spoke = admitted = time.monotonic()
    shown: object = None
    try:
        yield b"retry: 1000\n\n"
        while time.monotonic() - began < STREAM_SECONDS and not state.get("is_closing"):
            if time.monotonic() - admitted > ADMIT_SECONDS:
                admitted = time.monotonic()
                if not await anyio.to_thread.run_sync(
                    sessions.still_member, house, session, member
                ):
                    break
            shop, mark = await anyio.to_thread.run_sync(_mark, house, member.shop.slug, campaign_id)
            if mark != shown:
                shown = mark
                text = await anyio.to_thread.run_sync(
                    _message, state, house, member, shop, campaign_id, view
                )
                spoke = time.monotonic()
                yield f"data: {text}\n\n".encode()
            elif time.monotonic() - spoke > HEARTBEAT_SECONDS:
                spoke = time.monotonic()
                yield b": still here\n\n"
            await asyncio.sleep(LOOK_SECONDS)
    finally:
        boards.streams[session] -= 1
        if not boards.streams[session]:
            del boards.streams[session]


def _mark(house: House, slug: str, campaign_id: UUID) -> tuple[Shop, object]:
    """Return the shop as it is now, and what changes when the board has to be drawn again."""
    with house.db.read() as tx:
        shop = shop_by_slug(tx, slug=slug)
        jobs = planning.jobs_of(tx, shop_id=shop.id, kinds=[DEMO_DAY], limit=1)
        campaign = read_campaign(tx, shop_id=shop.id, campaign_id=campaign_id)
        waits_for = _waits_for(tx, campaign, house.now(shop))
    job = (jobs[0].state, jobs[0].progress) if jobs else None
    minute = house.now(shop).replace(second=0, microsecond=0)
    plan = (campaign.version, campaign.opened_at, waits_for)
    return shop, (house.facts.version(), minute, job, plan)


def _message(
    state: Any, house: House, member: Member, shop: Shop, campaign_id: UUID, view: View
) -> str:
    scene = look(state, house, shop, campaign_id)
    now_view = View(view.language, view.currency, view.zone, scene.snapshot.as_of)
    values = context(now_view, scene)
    whole = {**values, "member": member, "csrf_token": ""}
    message = {
        "html": {
            part: render(f"board/_board_{part}.html", now_view, **whole)
            for part in ("head", "tail")
        },
        "charts": {
            name: {"series": values[f"{name}_chart"]["series"]}
            for name in ("money", "hour", "buyers")
        },
        "at": scene.snapshot.as_of.isoformat(),
    }
    return json.dumps(message, ensure_ascii=False)


routes = [current_board, board_page, board_stream, run_day]

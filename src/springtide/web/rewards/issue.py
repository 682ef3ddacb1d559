"""For whom a targeted reward is: chosen by what customers did; invited, or given to at once."""

from typing import Any
from uuid import UUID

from litestar import Response, get, post
from sqlalchemy import Connection

from springtide.analytics.rfm import SEGMENT_NAMES
from springtide.bootstrap import House
from springtide.domain.access.act import Act
from springtide.domain.access.model import Member, Needs, Permission
from springtide.domain.facts.kinds import said
from springtide.domain.rewards.queries import invited_count
from springtide.domain.rewards.queries import reward as read_reward
from springtide.flows.claims.audience import DAYS_MAX, TIER, BadInviteDays, UnknownWho
from springtide.flows.claims.gifts import WAITS, issue
from springtide.flows.timeline import planning
from springtide.flows.timeline.model import OPEN_STATES, State
from springtide.kit import ids
from springtide.kit.errors import Refusal
from springtide.kit.i18n import translate
from springtide.web.frame.forms import AnyRequest, Posted, read_count
from springtide.web.frame.render import page, see_other, view_of
from springtide.web.frame.words import refusal as told

_READ = {"access": Needs(Permission.READ)}
_WRITE = {"access": Needs(Permission.CAMPAIGNS_WRITE)}
_PATH = "/shops/{shop:str}/rewards/{reward:str}/issue"
_KIND = "issue_reward"


@post(_PATH, opt=_WRITE, sync_to_thread=True)
def issue_start(
    request: AnyRequest, house: House, member: Member, reward: str, data: Posted
) -> Response[Any]:
    """Hand the job to the worker."""
    place = f"/shops/{member.shop.slug}/rewards/{reward}"
    try:
        who = str(data.get("who", ""))
        if who not in {value for value, _ in _choices("en")}:
            raise UnknownWho
        days = read_count(str(data.get("days", "")) or "30")
        if not 1 <= days <= DAYS_MAX:
            raise BadInviteDays(most=DAYS_MAX)

        def work(tx: Connection) -> UUID | None:
            found = read_reward(tx, shop=member.shop, reward_id=ids.inward("rwd", reward))
            return issue(
                Act.of(tx, member.shop, member.actor),
                params={"reward": found.key, "who": who, "days": days, "give": "give" in data},
            )

        waits = house.db.run(work)
    except Refusal as refusal:
        if refusal.status == 404:
            raise
        return see_other(place, message=told(view_of(request, member), refusal), kind="danger")
    if waits is not None:
        text = translate(WAITS, view_of(request, member).language)
        return see_other(place, message=text, kind="info")
    return see_other(place)


@get(_PATH, opt=_READ, sync_to_thread=True)
def issue_progress(request: AnyRequest, house: House, member: Member, reward: str) -> Response[Any]:
    """Show whom a reward is for, and how far its newest job is."""
    with house.db.read() as tx:
        found = read_reward(tx, shop=member.shop, reward_id=ids.inward("rwd", reward))
        invited = invited_count(tx, reward_id=found.id)
        jobs = planning.jobs_of(tx, shop_id=member.shop.id, kinds=[_KIND], limit=20)
    job = next((each for each in jobs if each.params.get("reward") == found.key), None)
    receipt = job.receipt if job and isinstance(job.receipt, dict) else {}
    return page(
        request,
        "rewards/_reward_issue.html",
        member=member,
        reward=found,
        invited=invited,
        job=job,
        is_running=job is not None and job.state in OPEN_STATES,
        is_failed=job is not None and job.state in (State.FAILED, State.NEEDS_PERSON),
        given=receipt.get("given"),
        choices=_choices(view_of(request, member).language),
        may_write=member.may(Permission.CAMPAIGNS_WRITE),
    )


def _choices(language: str) -> list[tuple[str, str]]:
    tiers = [(f"{TIER}{name}", translate(name, language)) for name in SEGMENT_NAMES]
    return [(deed, translate(text, language)) for deed, text in said("who").items()] + tiers


routes = [issue_start, issue_progress]

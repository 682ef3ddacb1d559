"""Settings, shop time: the demo shop's simulated clock, set by hand."""

from datetime import datetime, timedelta
from typing import Any

from litestar import Response, get, post

from springtide.bootstrap import House
from springtide.domain.access import operations
from springtide.domain.access.act import Act
from springtide.domain.access.model import Member, Needs, Permission
from springtide.kit.errors import N_, Invalid, Refusal
from springtide.kit.i18n import translate
from springtide.kit.reading import wall_time
from springtide.kit.time import SimulatedClock, at_wall_time
from springtide.web.frame import render
from springtide.web.frame.forms import AnyRequest, Form, Typed
from springtide.web.settings import sections

_OPT = {"access": Needs(Permission.SETTINGS_WRITE)}
#: Speeds to choose from: how many seconds of the shop pass in a real one.
SPEEDS = {
    0: N_("Stand still"),
    1: N_("As fast as real time"),
    60: N_("A minute a second"),
    600: N_("Ten minutes a second"),
}
_FORWARD_MAX = timedelta(days=60)


class BadShopTime(Refusal):
    """Not a day and time."""

    code = "bad_shop_time"
    text = N_("“{value}” is not a day and time.")


class ClockIsReal(Refusal):
    """A shop that goes by the real time."""

    code = "clock_is_real"
    status = 409
    text = N_("This shop goes by the real time; only the demo shop's clock can be moved.")


class NotForward(Refusal):
    """What has happened does not unhappen: the clock goes forward, and not absurdly far."""

    code = "not_forward"
    text = N_("The shop's clock goes only forward, at most 60 days at once.")


@get("/shops/{shop:str}/settings/clock", opt=_OPT, sync_to_thread=False)
def clock_page(request: AnyRequest, member: Member) -> Response[str]:
    """Show the demo shop's time and how to move it."""
    _demo_only(member)
    return _page(request, member, Form())


@post("/shops/{shop:str}/settings/clock", opt=_OPT, sync_to_thread=True)
def set_clock(request: AnyRequest, house: House, member: Member, data: Typed) -> Response[Any]:
    """Move the clock forward, or let it run at another speed."""
    _demo_only(member)
    real = house.real_now()
    now = member.shop.now(real)
    try:
        shows = _shows(data.get("shows", ""), member, now)
    except Refusal as refusal:
        return _page(request, member, Form(data, {"shows": refusal}), status=422)
    speed = data.get("speed", "0")
    if speed not in {str(each) for each in SPEEDS}:
        form = Form.refused(data, Invalid({"speed": BadShopTime(value=speed[:40])}))
        return _page(request, member, form, status=422)
    house.db.run(
        lambda tx: operations.set_clock(
            Act(tx, member.shop, member.actor, real, real),
            clock=SimulatedClock(shows=shows, set_at=real, speed=float(speed)),
        )
    )
    text = translate(N_("The shop's clock is set."), member.person.language)
    return render.see_other(f"/shops/{member.shop.slug}/settings/clock", message=text)


def _shows(typed: str, member: Member, now: datetime) -> datetime:
    if not typed.strip():
        return now
    wall = wall_time(typed.strip())
    if wall is None:
        raise BadShopTime(value=typed[:40])
    shows = at_wall_time(wall.date(), wall.time(), member.shop.tz)
    # The form shows whole minutes; the minute that is now stays allowed.
    if shows < now - timedelta(minutes=1) or shows > now + _FORWARD_MAX:
        raise NotForward
    return max(shows, now)


def _demo_only(member: Member) -> None:
    if not member.shop.is_demo:
        raise ClockIsReal


def _page(request: AnyRequest, member: Member, form: Form, status: int = 200) -> Response[str]:
    return render.page(
        request,
        "settings/clock.html",
        member=member,
        status=status,
        sections=sections(member),
        form=form,
        speeds=SPEEDS,
    )


routes = [clock_page, set_clock]

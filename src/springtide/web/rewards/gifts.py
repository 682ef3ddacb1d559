"""Gifts by hand that need a second person: what waits, what was decided, and the bounds."""

from typing import Any

import msgspec
from litestar import Response, get, post

from springtide.bootstrap import House
from springtide.domain.access.act import Act
from springtide.domain.access.model import Data, Member, Needs, Permission, reading
from springtide.domain.rewards.approvals import GIFT_STATES, Bounds, bounds_of, gifts_page
from springtide.flows.claims.gifts import KINDS, change_bounds, decide
from springtide.kit.errors import N_, Invalid, NotFound, Refusal
from springtide.kit.i18n import translate
from springtide.kit.ids import inward
from springtide.kit.money import parse_minor, to_decimal
from springtide.web.frame.forms import AnyRequest, Form, Posted, read_count
from springtide.web.frame.navigation import NavItem
from springtide.web.frame.render import page, see_other

nav = NavItem(
    order=37,
    label=N_("Gifts by hand"),
    icon="gift",
    path="gifts",
    permission=reading(Data.CLAIMS).permission,
)
_PATH = "/shops/{shop:str}/gifts"
_DECIDE = {"access": Needs(Permission.GIFTS_APPROVE)}
SHOWN = 50
#: What one person may give alone, by the name of its bound.
BOUNDS = {
    "points": N_("Points to customers"),
    "money_minor": N_("Money to customers"),
    "budget_points": N_("Points as budgets of rewards"),
    "budget_money_minor": N_("Money as budgets of rewards"),
}


@get(_PATH, opt={"access": reading(Data.CLAIMS)}, sync_to_thread=True)
def gifts_list(request: AnyRequest, house: House, member: Member) -> Response[Any]:
    """Show what waits for a second person and what was decided last."""
    return _page(request, house, member, Form())


@post(f"{_PATH}/{{gift:str}}/approve", opt=_DECIDE, sync_to_thread=True)
def gift_approve(request: AnyRequest, house: House, member: Member, gift: str) -> Response[Any]:
    """Give it, as the second person."""
    return _decided(request, house, member, gift, approve=True)


@post(f"{_PATH}/{{gift:str}}/refuse", opt=_DECIDE, sync_to_thread=True)
def gift_refuse(request: AnyRequest, house: House, member: Member, gift: str) -> Response[Any]:
    """Refuse it, as the second person."""
    return _decided(request, house, member, gift, approve=False)


@post(
    f"{_PATH}/bounds",
    opt={"access": Needs(Permission.SETTINGS_WRITE, fresh=True)},
    sync_to_thread=True,
)
def gift_bounds(request: AnyRequest, house: House, member: Member, data: Posted) -> Response[Any]:
    """Set what one person may give alone within a day."""
    typed = {name: str(data.get(name, "")) for name in msgspec.structs.asdict(Bounds())}
    try:
        bounds = _read(typed, member)
        waits = house.db.run(
            lambda tx: change_bounds(Act.of(tx, member.shop, member.actor), bounds=bounds)
        )
    except Refusal as refusal:
        return _page(request, house, member, Form.refused(typed, refusal), status=422)
    told = N_("The bounds are set.")
    if waits is not None:
        told = N_("Lower bounds hold at once. A higher one waits for another person's word.")
    text = translate(told, member.person.language)
    return see_other(f"/shops/{member.shop.slug}/gifts", message=text)


def _read(typed: dict[str, str], member: Member) -> Bounds:
    wrong: dict[str, Refusal] = {}
    read: dict[str, int] = {}
    for name, text in typed.items():
        try:
            is_money = name.endswith("money_minor")
            read[name] = parse_minor(text, member.shop.currency) if is_money else read_count(text)
        except Refusal as refusal:
            wrong[name] = refusal
    if wrong:
        raise Invalid(wrong)
    return Bounds(**read)


def _decided(
    request: AnyRequest, house: House, member: Member, gift: str, *, approve: bool
) -> Response[Any]:
    try:
        house.db.run(
            lambda tx: decide(
                Act.of(tx, member.shop, member.actor), gift_id=inward("gft", gift), approve=approve
            )
        )
    except NotFound:
        raise
    except Refusal as refusal:
        return _page(request, house, member, Form(error=refusal), status=refusal.status)
    text = N_("Done, in both your names.") if approve else N_("Refused.")
    return see_other(
        f"/shops/{member.shop.slug}/gifts", message=translate(text, member.person.language)
    )


def _page(
    request: AnyRequest, house: House, member: Member, form: Form, status: int = 200
) -> Response[Any]:
    with house.db.read() as tx:
        waiting = gifts_page(tx, shop_id=member.shop.id, waiting=True, limit=SHOWN)
        decided = gifts_page(tx, shop_id=member.shop.id, waiting=False, limit=SHOWN)
        bounds = msgspec.structs.asdict(bounds_of(tx, shop_id=member.shop.id))
    shown = {
        name: str(to_decimal(value, member.shop.currency)) if "money" in name else value
        for name, value in bounds.items()
    }
    return page(
        request,
        "rewards/gifts.html",
        member=member,
        status=status,
        waiting=waiting,
        decided=decided,
        bounds=shown,
        kinds=KINDS,
        bound_titles=BOUNDS,
        state_titles=GIFT_STATES,
        may_decide=member.may(Permission.GIFTS_APPROVE),
        may_set=member.may(Permission.SETTINGS_WRITE),
        me=str(member.person.id),
        form=form,
    )


routes = [gifts_list, gift_approve, gift_refuse, gift_bounds]

"""Settings, API keys: what the shop's own site and apps call us with."""

from datetime import timedelta
from typing import Any

from litestar import Response, get, post

from springtide.bootstrap import House
from springtide.domain.access import operations, queries
from springtide.domain.access.act import Act
from springtide.domain.access.model import (
    PUBLISHABLE_SCOPES,
    Data,
    Member,
    Needs,
    Permission,
    Scope,
    reading,
)
from springtide.kit.errors import N_, NotFound, Refusal
from springtide.kit.i18n import translate
from springtide.kit.ids import inward
from springtide.web.frame import render
from springtide.web.frame.forms import AnyRequest, Form, Typed
from springtide.web.settings import sections

_OPT = {"access": reading(Data.KEYS)}
_WRITE = {"access": Needs(Permission.SETTINGS_WRITE, fresh=True)}
#: Lives of a key to choose from, in days; 0 has no end.
DAYS = {
    30: N_("30 days"),
    90: N_("90 days"),
    365: N_("A year"),
    730: N_("Two years"),
    0: N_("No end (not advised)"),
}
#: How long an old key may go on beside its successor, in hours.
OVERLAPS = {1: N_("1 hour"), 24: N_("A day"), 72: N_("Three days"), 168: N_("A week")}
#: Who looks at the page is warned this long before a key ends.
WARNED_BEFORE = timedelta(days=14)

SCOPE_NAMES = {
    Scope.EVENTS_WRITE: N_("Send visits, favourites and carts"),
    Scope.QUOTES_WRITE: N_("Ask for prices of carts"),
    Scope.CLAIMS_WRITE: N_("Claim rewards and flash stock"),
    Scope.ORDERS_WRITE: N_("Place and pay orders"),
    Scope.PRODUCTS_WRITE: N_("Write products and their prices"),
    Scope.READ: N_("Read the shop's numbers and campaigns"),
    Scope.ORDERS_READ: N_("Read orders, payments and refunds by customer"),
    Scope.CUSTOMERS_READ: N_("Read customers"),
    Scope.CUSTOMERS_WRITE: N_("Write customers"),
    Scope.CUSTOMERS_ERASE: N_("Erase customers for good"),
}


@get("/shops/{shop:str}/settings/keys", opt=_OPT, sync_to_thread=True)
def keys_page(request: AnyRequest, house: House, member: Member) -> Response[str]:
    """Show the keys and the form that makes one."""
    return _page(request, house, member, Form())


@post("/shops/{shop:str}/settings/keys", opt=_WRITE, sync_to_thread=True)
def make_key(request: AnyRequest, house: House, member: Member, data: Typed) -> Response[str]:
    """Make a key and show its token, this once."""
    try:
        _, token = house.db.run(
            lambda tx: operations.create_key(
                Act.of(tx, member.shop, member.actor),
                name=data.get("name", ""),
                scopes=frozenset(scope for scope in Scope if data.get(f"scope-{scope}")),
                is_publishable=data.get("kind") == "publishable",
                days=_days(data.get("days", str(operations.KEY_DAYS))),
            )
        )
    except Refusal as refusal:
        form = Form.refused(data, refusal)
        return _page(request, house, member, form, status=refusal.status)
    return _page(request, house, member, Form(), token=token)


@post("/shops/{shop:str}/settings/keys/{key_id:str}/rotate", opt=_WRITE, sync_to_thread=True)
def rotate_key(
    request: AnyRequest, house: House, member: Member, key_id: str, data: Typed
) -> Response[str]:
    """Make a key's successor and show its token, this once; the old key goes on for a while."""
    hours = data.get("hours", "")
    try:
        _, token = house.db.run(
            lambda tx: operations.rotate_key(
                Act.of(tx, member.shop, member.actor),
                key_id=inward("key", key_id),
                hours=int(hours) if hours in map(str, OVERLAPS) else 0,
            )
        )
    except NotFound:
        raise
    except Refusal as refusal:
        return _page(request, house, member, Form({}, error=refusal), status=refusal.status)
    return _page(request, house, member, Form(), token=token)


@post("/shops/{shop:str}/settings/keys/{key_id:str}/revoke", opt=_WRITE, sync_to_thread=True)
def revoke_key(house: House, member: Member, key_id: str) -> Response[Any]:
    """Make a key useless from now on."""
    house.db.run(
        lambda tx: operations.revoke_key(
            Act.of(tx, member.shop, member.actor), key_id=inward("key", key_id)
        )
    )
    text = translate(N_("The key is revoked: calls with it are refused."), member.person.language)
    return render.see_other(f"/shops/{member.shop.slug}/settings/keys", message=text)


def _days(value: str) -> int | None:
    """Return the days of a choice, None for no end; what is no choice is refused later on."""
    days = int(value) if value in map(str, DAYS) else -1
    return days or None


def _page(
    request: AnyRequest,
    house: House,
    member: Member,
    form: Form,
    *,
    status: int = 200,
    token: str = "",
) -> Response[str]:
    with house.db.read() as tx:
        keys = queries.keys_of(tx, shop_id=member.shop.id)
    return render.page(
        request,
        "settings/keys.html",
        member=member,
        status=status,
        sections=sections(member),
        keys=keys,
        form=form,
        token=token,
        scope_names=SCOPE_NAMES,
        publishable=PUBLISHABLE_SCOPES,
        days=DAYS,
        default_days=operations.KEY_DAYS,
        overlaps=OVERLAPS,
        real_now=house.real_now(),
        warned_from=house.real_now() + WARNED_BEFORE,
    )


routes = [keys_page, make_key, rotate_key, revoke_key]

"""Settings, API keys: what the shop's own site and apps call us with."""

from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body

from springtide.bootstrap import House
from springtide.domain.access import operations, queries
from springtide.domain.access.model import (
    PUBLISHABLE_SCOPES,
    Member,
    Needs,
    Permission,
    Scope,
)
from springtide.kit.errors import N_, Refusal
from springtide.kit.i18n import translate
from springtide.kit.ids import inward
from springtide.web import render
from springtide.web.forms import Form
from springtide.web.settings import sections

Typed = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]
AnyRequest = Request[Any, Any, Any]
_OPT = {"access": Needs(Permission.SETTINGS_WRITE)}

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
}


@get("/shops/{shop:str}/settings/keys", opt=_OPT, sync_to_thread=True)
def keys_page(request: AnyRequest, house: House, member: Member) -> Response[str]:
    """Show the keys and the form that makes one."""
    return _page(request, house, member, Form())


@post("/shops/{shop:str}/settings/keys", opt=_OPT, sync_to_thread=True)
def make_key(request: AnyRequest, house: House, member: Member, data: Typed) -> Response[str]:
    """Make a key and show its token, this once."""
    try:
        with house.db.write() as tx:
            _, token = operations.create_key(
                tx,
                shop=member.shop,
                name=data.get("name", ""),
                scopes=frozenset(scope for scope in Scope if data.get(f"scope-{scope}")),
                is_publishable=data.get("kind") == "publishable",
                actor=member.actor,
                now=house.real_now(),
            )
    except Refusal as refusal:
        form = Form.refused(data, refusal)
        return _page(request, house, member, form, status=refusal.status)
    return _page(request, house, member, Form(), token=token)


@post("/shops/{shop:str}/settings/keys/{key_id:str}/revoke", opt=_OPT, sync_to_thread=True)
def revoke_key(house: House, member: Member, key_id: str) -> Response[Any]:
    """Make a key useless from now on."""
    with house.db.write() as tx:
        operations.revoke_key(
            tx,
            shop=member.shop,
            key_id=inward("key", key_id),
            actor=member.actor,
            now=house.real_now(),
        )
    text = translate(N_("The key is revoked: calls with it are refused."), member.person.language)
    return render.see_other(f"/shops/{member.shop.slug}/settings/keys", message=text)


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
    )


routes = [keys_page, make_key, revoke_key]

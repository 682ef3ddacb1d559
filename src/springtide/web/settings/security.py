"""Settings, security: whether everybody of the shop needs a second factor, and who has none."""

from typing import Any

from litestar import Response, get, post

from springtide.bootstrap import House
from springtide.domain.access import operations, proofs, queries
from springtide.domain.access.act import Act
from springtide.domain.access.model import Member, Needs, Permission
from springtide.kit.errors import N_
from springtide.kit.i18n import translate
from springtide.web.frame import render
from springtide.web.frame.forms import AnyRequest, Form, Typed
from springtide.web.settings import sections

_PAGE = "/shops/{shop:str}/settings/security"


@get(_PAGE, opt={"access": Needs(Permission.SETTINGS_WRITE)}, sync_to_thread=True)
def security_page(request: AnyRequest, house: House, member: Member) -> Response[str]:
    """Show what the shop asks of its people, and who does not have it yet."""
    with house.db.read() as tx:
        people = queries.members_of(tx, shop=member.shop)
        having = proofs.people_with_factors(tx, shop_id=member.shop.id)
    return render.page(
        request,
        "settings/security.html",
        member=member,
        sections=sections(member),
        form=Form(),
        people=[(each, each.person.id in having) for each in people],
    )


@post(_PAGE, opt={"access": Needs(Permission.SETTINGS_WRITE, fresh=True)}, sync_to_thread=True)
def require(house: House, member: Member, data: Typed) -> Response[Any]:
    """Ask everybody of the shop for a second factor, or no longer."""
    house.db.run(
        lambda tx: operations.require_factor(
            Act.of(tx, member.shop, member.actor), is_required=bool(data.get("required"))
        )
    )
    text = translate(N_("Saved."), member.person.language)
    return render.see_other(f"/shops/{member.shop.slug}/settings/security", message=text)


routes = [security_page, require]

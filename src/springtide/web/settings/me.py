"""Settings, my account: one's language and password."""

from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body

from springtide.bootstrap import House
from springtide.domain.access import operations
from springtide.domain.access.model import Member, Needs, Permission
from springtide.kit.errors import N_, Invalid, Refusal
from springtide.kit.i18n import translate
from springtide.web import door, render
from springtide.web.forms import Form
from springtide.web.settings import sections

Typed = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]
AnyRequest = Request[Any, Any, Any]
_OPT = {"access": Needs(Permission.READ)}


class NotRepeated(Refusal):
    """The second typing differs from the first."""

    code = "not_repeated"
    text = N_("This differs from the new password above.")


@get("/shops/{shop:str}/settings/me", opt=_OPT, sync_to_thread=False)
def me_page(request: AnyRequest, member: Member) -> Response[str]:
    """Show one's account."""
    return _page(request, member, Form())


@post("/shops/{shop:str}/settings/me/password", opt=_OPT, sync_to_thread=True)
def change_password(
    request: AnyRequest, house: House, member: Member, data: Typed
) -> Response[Any]:
    """Change one's password; every other session of the person ends."""
    try:
        if data.get("password", "") != data.get("again", ""):
            raise Invalid({"again": NotRepeated()})
        session = operations.change_password(
            house.db,
            person=member.person,
            token=door.session_token(request, house) or "",
            present=data.get("present", ""),
            password=data.get("password", ""),
            visit=door.visit_of(request, house),
            now=house.real_now(),
        )
    except Refusal as refusal:
        return _page(request, member, Form.refused({}, refusal), status=refusal.status)
    text = translate(
        N_("Your password has changed; other devices are logged out."), member.person.language
    )
    return render.see_other(
        f"/shops/{member.shop.slug}/settings/me",
        message=text,
        cookies=door.session_cookies(house, session),
    )


def _page(request: AnyRequest, member: Member, form: Form, status: int = 200) -> Response[str]:
    return render.page(
        request,
        "settings/me.html",
        member=member,
        status=status,
        sections=sections(member),
        form=form,
    )


routes = [me_page, change_password]

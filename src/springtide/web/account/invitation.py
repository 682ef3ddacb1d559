"""Taking up an invitation: a new person chooses name and password, an existing one joins."""

from typing import Any
from urllib.parse import urlencode

from litestar import Response, get, post

from springtide.bootstrap import House
from springtide.domain.access import operations, queries
from springtide.domain.access.model import Person, Public
from springtide.flows.people.invitations import PATH
from springtide.kit.errors import N_, Invalid, Refusal
from springtide.kit.i18n import translate
from springtide.web.frame import render, sessions
from springtide.web.frame.forms import AnyRequest, Form, Typed

_OPT = {"access": Public("whoever holds the link of an invitation, which is a secret")}


class TypedTwice(Refusal):
    """The second typing differs from the first."""

    code = "password_typed_twice"
    text = N_("This differs from the password above.")


@get(PATH, opt=_OPT, sync_to_thread=True)
def invitation_page(request: AnyRequest, house: House, token: str = "") -> Response[str]:
    """Show what the invitation is to, and how to take it up; looking uses nothing up."""
    try:
        return _page(request, house, token, Form())
    except queries.InvitationGone as refusal:
        _note_refused(request, house, token, refusal)
        raise


@post(PATH, opt=_OPT, sync_to_thread=True)
def accept_as_new(request: AnyRequest, house: House, data: Typed) -> Response[Any]:
    """Make an account for the invited address and let it into the shop."""
    token = data.get("token", "")
    typed = {"name": data.get("name", "")}
    language = render.language_of(request)
    try:
        if data.get("password", "") != data.get("again", ""):
            raise Invalid({"again": TypedTwice()})
        person, shop = house.db.run(
            lambda tx: operations.accept_as_new(
                tx,
                token=token,
                name=data.get("name", ""),
                password=data.get("password", ""),
                language=language,
                now=house.real_now(),
            )
        )
    except queries.InvitationGone as refusal:
        _note_refused(request, house, token, refusal)
        raise
    except Refusal as refusal:
        form = Form.refused(typed, refusal)
        return _page(request, house, token, form, status=refusal.status)
    text = translate(N_("Welcome, {name}: log in with the password you chose."), language)
    to = f"/log-in?{urlencode({'next': f'/shops/{shop.slug}'})}"
    return render.see_other(to, message=text.format(name=person.name))


@post(PATH + "/join", opt=_OPT, sync_to_thread=True)
def join(request: AnyRequest, house: House, data: Typed) -> Response[Any]:
    """Let whoever is logged in into the shop, when the invitation is theirs."""
    person = sessions.signed_in(request, house)
    if person is None:
        raise queries.NotSignedIn
    token = data.get("token", "")
    try:
        shop, _ = house.db.run(
            lambda tx: operations.accept_invitation(
                tx, token=token, person=person, now=house.real_now()
            )
        )
    except (queries.InvitationGone, operations.OtherAddress) as refusal:
        _note_refused(request, house, token, refusal)
        raise
    text = translate(N_("You belong to {shop} now."), person.language).format(shop=shop.name)
    return render.see_other(f"/shops/{shop.slug}", message=text)


def _note_refused(request: AnyRequest, house: House, token: str, refusal: Refusal) -> None:
    operations.note_refused_invitation(
        house.db,
        token=token,
        person=sessions.signed_in(request, house),
        reason=refusal.code,
        visit=sessions.visit_of(request, house),
        now=house.real_now(),
    )


def _page(
    request: AnyRequest, house: House, token: str, form: Form, status: int = 200
) -> Response[str]:
    person: Person | None = sessions.signed_in(request, house)
    with house.db.read() as tx:
        found, shop = queries.invitation_behind(tx, token=token, now=house.real_now())
    here = f"{PATH}?{urlencode({'token': token})}"
    return render.page(
        request,
        "account/invitation.html",
        status=status,
        invitation=found,
        to=shop,
        person=person,
        token=token,
        form=form,
        log_in=f"/log-in?{urlencode({'next': here})}",
    )


routes = [invitation_page, accept_as_new, join]

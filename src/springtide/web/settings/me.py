"""Settings, my account: language, password, where one is logged in, what happened lately."""

from typing import Any

from litestar import Response, get, post

from springtide.bootstrap import House
from springtide.domain.access import audit_queries, operations, proofs, queries
from springtide.domain.access.model import Member, Needs, Permission
from springtide.domain.access.passwords import LENGTH_MIN
from springtide.flows.people import letters
from springtide.kit.errors import N_, Invalid, Refusal
from springtide.kit.i18n import translate
from springtide.kit.ids import inward
from springtide.web.frame import render, sessions
from springtide.web.frame.forms import AnyRequest, Form, Typed
from springtide.web.settings import sections

_OPT = {"access": Needs(Permission.READ)}


class NotRepeated(Refusal):
    """The second typing differs from the first."""

    code = "not_repeated"
    text = N_("This differs from the new password above.")


@get("/shops/{shop:str}/settings/me", opt=_OPT, sync_to_thread=True)
def me_page(request: AnyRequest, house: House, member: Member) -> Response[str]:
    """Show one's account."""
    return _page(request, house, member, Form())


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
            token=sessions.session_token(request, house) or "",
            present=data.get("present", ""),
            password=data.get("password", ""),
            visit=sessions.visit_of(request, house),
            now=house.real_now(),
        )
    except queries.NotFresh:
        raise
    except Refusal as refusal:
        return _page(request, house, member, Form.refused({}, refusal), status=refusal.status)
    letters.notify(
        house,
        house.post,
        member.person,
        "password",
        address=sessions.visit_of(request, house).address,
        now=house.real_now(),
    )
    text = N_("Your password has changed; other devices are logged out.")
    return _back(member, text, cookies=sessions.session_cookies(house, session))


@post("/shops/{shop:str}/settings/me/sessions/end-others", opt=_OPT, sync_to_thread=True)
def end_others(request: AnyRequest, house: House, member: Member) -> Response[Any]:
    """End every session of the person but this one."""
    house.db.run(
        lambda tx: operations.end_other_sessions(
            tx,
            person=member.person,
            token=sessions.session_token(request, house) or "",
            now=house.real_now(),
        )
    )
    return _back(member, N_("You are logged out everywhere else."))


@post("/shops/{shop:str}/settings/me/sessions/{session_id:str}/end", opt=_OPT, sync_to_thread=True)
def end_session(house: House, member: Member, session_id: str) -> Response[Any]:
    """End one session of the person."""
    wanted = inward("ses", session_id)
    house.db.run(
        lambda tx: operations.end_session(
            tx, person=member.person, session_id=wanted, now=house.real_now()
        )
    )
    return _back(member, N_("That session has ended."))


def _back(member: Member, message: str, **options: Any) -> Response[Any]:
    text = translate(message, member.person.language)
    return render.see_other(f"/shops/{member.shop.slug}/settings/me", message=text, **options)


def _page(
    request: AnyRequest, house: House, member: Member, form: Form, status: int = 200
) -> Response[str]:
    with house.db.read() as tx:
        open_sessions = queries.sessions_of(
            tx,
            person_id=member.person.id,
            token=sessions.session_token(request, house) or "",
            now=house.real_now(),
        )
        factors = len(proofs.factors_of(tx, person_id=member.person.id))
        lately = audit_queries.personal_page(tx, person_id=member.person.id)
    return render.page(
        request,
        "settings/me.html",
        member=member,
        status=status,
        sections=sections(member),
        form=form,
        sessions=open_sessions,
        lately=lately,
        factors=factors,
        length_min=LENGTH_MIN,
    )


routes = [me_page, change_password, end_others, end_session]

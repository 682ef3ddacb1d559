"""A forgotten password: asking for a link, and choosing a new one with it."""

from typing import Any

from litestar import Response, get, post

from springtide.bootstrap import House
from springtide.domain.access import operations, queries
from springtide.domain.access.model import Public
from springtide.domain.access.passwords import LENGTH_MIN
from springtide.flows.people import letters
from springtide.kit.errors import N_, Invalid, Refusal
from springtide.kit.i18n import translate
from springtide.web.account.invitation import TypedTwice
from springtide.web.frame import render, sessions
from springtide.web.frame.forms import AnyRequest, Form, Typed

_ASK = {"access": Public("whoever forgot a password; the answer is the same for all addresses")}
_LINK = {"access": Public("whoever holds the link of a recovery, which is a secret")}


@get("/recover", opt=_ASK, sync_to_thread=True)
def ask_page(request: AnyRequest, house: House) -> Response[str]:
    """Show the form that asks for a link, or the way out where no mail is sent."""
    return _ask_page(request, house, Form())


@post("/recover", opt=_ASK, sync_to_thread=True)
def ask(request: AnyRequest, house: House, data: Typed) -> Response[str]:
    """Send a link to whoever has the address; say the same whether or not anyone has."""
    visit = sessions.visit_of(request, house)
    typed = {"email": data.get("email", "")}
    try:
        letters.send_recovery(house, house.post, email=typed["email"], address=visit.address)
    except Refusal as refusal:
        return _ask_page(request, house, Form.refused(typed, refusal), status=refusal.status)
    return _ask_page(request, house, Form(typed), is_sent=True)


@get(letters.RECOVERY_PATH, opt=_LINK, sync_to_thread=True)
def choose_page(request: AnyRequest, house: House, token: str = "") -> Response[str]:
    """Show the form for the new password; looking uses nothing up."""
    try:
        return _choose_page(request, house, token, Form())
    except queries.RecoveryGone:
        visit, now = sessions.visit_of(request, house), house.real_now()
        operations.note_refused_recovery(house.db, token=token, visit=visit, now=now)
        raise


@post(letters.RECOVERY_PATH, opt=_LINK, sync_to_thread=True)
def choose(request: AnyRequest, house: House, data: Typed) -> Response[Any]:
    """Set the new password; the person logs in with it."""
    token, visit, now = data.get("token", ""), sessions.visit_of(request, house), house.real_now()
    try:
        if data.get("password", "") != data.get("again", ""):
            raise Invalid({"again": TypedTwice()})
        person = operations.recover(
            house.db, token=token, password=data.get("password", ""), visit=visit, now=now
        )
    except queries.RecoveryGone:
        operations.note_refused_recovery(house.db, token=token, visit=visit, now=now)
        raise
    except Refusal as refusal:
        form = Form.refused({}, refusal)
        return _choose_page(request, house, token, form, status=refusal.status)
    letters.notify(house, house.post, person, "recovered", address=visit.address, now=now)
    text = translate(
        N_("Your new password is set. Every device was logged out; log in with it."),
        render.language_of(request),
    )
    return render.see_other("/log-in", message=text, cookies=[sessions.gone_cookie(house)])


def _ask_page(
    request: AnyRequest, house: House, form: Form, *, status: int = 200, is_sent: bool = False
) -> Response[str]:
    return render.page(
        request,
        "account/recover.html",
        status=status,
        form=form,
        is_sent=is_sent,
        has_mail=house.settings.has_mail_server,
        minutes=operations.RECOVERY_MINUTES,
    )


def _choose_page(
    request: AnyRequest, house: House, token: str, form: Form, status: int = 200
) -> Response[str]:
    with house.db.read() as tx:
        person = queries.recovery_of(tx, token=token, now=house.real_now())
    return render.page(
        request,
        "account/recover_new.html",
        status=status,
        form=form,
        token=token,
        person=person,
        length_min=LENGTH_MIN,
    )


routes = [ask_page, ask, choose_page, choose]

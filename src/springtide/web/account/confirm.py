"""Confirming that it is you, before what a found screen must not do: keys, people, factors."""

from typing import Any

from litestar import Response, get, post
from sqlalchemy import Connection

from springtide.bootstrap import House
from springtide.domain.access import operations, proofs
from springtide.domain.access.model import Factor, FactorKind, Person, SignedIn
from springtide.domain.access.queries import FRESH
from springtide.flows.people import letters
from springtide.kit.errors import Invalid, Refusal
from springtide.kit.outage import Outage
from springtide.web.account import passkeys, second_factor
from springtide.web.account.log_in import Missing
from springtide.web.frame import render, sessions
from springtide.web.frame.forms import AnyRequest, Form, Typed

_OPT = {"access": SignedIn()}


@get("/confirm", opt=_OPT, sync_to_thread=True)
def confirm_page(request: AnyRequest, person: Person) -> Response[str]:
    """Ask for the password, and for the second factor of whoever has one."""
    return _page(request, person, Form(), request.query_params.get("next", ""))


@post("/confirm", opt=_OPT, sync_to_thread=True)
def confirm(request: AnyRequest, house: House, person: Person, data: Typed) -> Response[Any]:
    """Note that the person proved who they are, and go back to where they were."""
    back, code, now = data.get("next", ""), data.get("code", ""), house.real_now()
    visit = sessions.visit_of(request, house)
    try:
        if not code and _factors(house, person):
            # An empty field is no try.
            raise Invalid({"code": Missing()})
        is_spare = operations.confirm(
            house.db,
            person=person,
            token=sessions.session_token(request, house) or "",
            password=data.get("password", ""),
            visit=visit,
            now=now,
            use_code=second_factor.code_use(house, person, code),
        )
    except operations.WrongPassword as refusal:
        form = Form({}, {"password": refusal})
        return _page(request, person, form, back, status=refusal.status)
    except operations.WrongCode as refusal:
        form = Form({}, {"code": refusal})
        return _page(request, person, form, back, status=refusal.status)
    except Refusal as refusal:
        form = Form.refused({}, refusal)
        return _page(request, person, form, back, status=refusal.status)
    if is_spare:
        letters.notify(house, house.post, person, "code_used", address=visit.address, now=now)
    return render.see_other(back)


@post("/confirm/passkey", opt=_OPT, sync_to_thread=True)
def confirm_by_passkey(
    request: AnyRequest, house: House, person: Person, data: Typed
) -> Response[Any]:
    """Note that the person proved who they are by a passkey: it is both factors in one."""
    back, visit, now = data.get("next", ""), sessions.visit_of(request, house), house.real_now()
    try:
        use = second_factor.passkey_use(house, person, data, whose=f"confirm {person.id}")

        def work(tx: Connection) -> None:
            use(tx)
            token = sessions.session_token(request, house) or ""
            operations.confirmed(tx, person=person, token=token, by="passkey", visit=visit, now=now)

        house.db.run(work)
    except Refusal as refusal:
        if not isinstance(refusal, Outage):
            operations.note_wrong_proof(
                house.db,
                person=person,
                action=operations.CONFIRM_FAILED,
                by="passkey",
                visit=visit,
                now=now,
            )
        return _page(request, person, Form({}, error=refusal), back, status=refusal.status)
    return render.see_other(back)


def _page(
    request: AnyRequest, person: Person, form: Form, back: str, status: int = 200
) -> Response[str]:
    house: House = request.app.state["house"]
    kept = _factors(house, person)
    keys = [each for each in kept if each.kind is FactorKind.PASSKEY]
    whose = f"confirm {person.id}"
    asked = keys and passkeys.ask(house.settings, keys, whose=whose, now=house.real_now())
    return render.page(
        request,
        "account/confirm.html",
        status=status,
        person=person,
        form=form,
        next_path=render.local_path(back) if back else "/",
        minutes=int(FRESH.total_seconds() // 60),
        asked=asked or None,
        needs_code=bool(kept),
    )


def _factors(house: House, person: Person) -> list[Factor]:
    with house.db.read() as tx:
        return proofs.factors_of(tx, person_id=person.id)


routes = [confirm_page, confirm, confirm_by_passkey]

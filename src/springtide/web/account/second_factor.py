"""The second step of a log-in, and log-ins by a passkey alone."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID

from litestar import Response, get, post
from litestar.datastructures import Cookie
from sqlalchemy import Connection

from springtide.bootstrap import House
from springtide.domain.access import operations, proofs, queries
from springtide.domain.access.model import FactorKind, Person, Public, Session
from springtide.flows.people import letters
from springtide.kit.errors import Refusal
from springtide.kit.seals import close, unclose
from springtide.web.account import passkeys
from springtide.web.frame import render, sessions
from springtide.web.frame.cookies import cookie_name
from springtide.web.frame.forms import AnyRequest, Form, Typed

_OPT = {"access": Public("whoever gave a right password, which a closed cookie says")}
_ALONE = {"access": Public("whoever holds a passkey, whose answer is looked at")}
#: How long a right password waits for its second factor.
VALID = timedelta(minutes=10)
_HALF, _TOTP = b"half a log-in", b"totp"
#: Whose answer a challenge asks for: anyone's, where a passkey is all of the log-in.
ANYONE = "anyone"


def half_cookie(house: House, needed: operations.SecondFactorNeeded) -> Cookie:
    """Return the cookie that says whose password was right, and which, for ten minutes."""
    until = int((house.real_now() + VALID).timestamp())
    said = json.dumps({"p": str(needed.person.id), "h": needed.proof, "t": until})
    value = close(house.settings.secret, _HALF, said.encode())
    return sessions.cookie(house, _name(house), value, int(VALID.total_seconds()))


def keep_totp(house: House, secret: str) -> str:
    """Return an app's secret as the database keeps it, closed with the installation's."""
    return close(house.settings.secret, _TOTP, secret.encode())


def kept_totp(house: House, kept: str) -> str:
    """Return the secret behind what is kept; empty where the installation's secret is another."""
    return (unclose(house.settings.secret, _TOTP, kept) or b"").decode()


@get("/log-in/second", opt=_OPT, sync_to_thread=True)
def second_page(request: AnyRequest, house: House) -> Response[Any]:
    """Ask for the second factor of whoever gave a right password."""
    half = _half(request, house)
    back = request.query_params.get("next", "")
    if half is None:
        return render.see_other("/log-in")
    return _page(request, house, half[0], Form(), back)


@post("/log-in/second", opt=_OPT, sync_to_thread=True)
def second(request: AnyRequest, house: House, data: Typed) -> Response[Any]:
    """Open the session after a right second factor."""
    half, now = _half(request, house), house.real_now()
    back, visit = data.get("next", ""), sessions.visit_of(request, house)
    if half is None:
        return render.see_other("/log-in")
    person, proof = half
    try:
        counted = operations.count_code(house.db, person=person, now=now)
        if data.get("answer"):
            use = passkey_use(house, person, data, whose=f"second {person.id}")
        else:
            use = code_use(house, person, data.get("code", ""))

        def work(tx: Connection) -> tuple[bool, Session]:
            is_spare = use(tx)
            operations.forgive_code(tx, counted=counted)
            session = operations.enter(tx, person=person, proof=proof, visit=visit, now=now)
            return is_spare, session

        is_spare, session = house.db.run(work)
    except Refusal as refusal:
        wrong = isinstance(refusal, operations.WrongCode)
        if wrong or isinstance(refusal, passkeys.PasskeyRefused):
            _note_wrong(house, person, "code" if wrong else "passkey", visit)
        form = Form({}, {"code": refusal}) if wrong else Form({}, error=refusal)
        return _page(request, house, person, form, back, status=refusal.status)
    if is_spare:
        letters.notify(house, house.post, person, "code_used", address=visit.address, now=now)
    gone = sessions.cookie(house, _name(house), "", 0)
    return render.see_other(back, cookies=[*sessions.session_cookies(house, session), gone])


@post("/log-in/passkey", opt=_ALONE, sync_to_thread=True)
def log_in_by_passkey(request: AnyRequest, house: House, data: Typed) -> Response[Any]:
    """Open a session by a passkey alone: it proves the device, and on it the person."""
    answer, now = data.get("answer", ""), house.real_now()
    with house.db.read() as tx:
        factor, person = proofs.passkey(tx, credential_id=passkeys.credential_of(answer))
    state, visit = data.get("state", ""), sessions.visit_of(request, house)
    try:
        said, challenge = passkeys.proved(
            house.settings, factor, answer=answer, state=state, whose=ANYONE, now=now
        )
    except passkeys.PasskeyRefused:
        _note_wrong(house, person, "passkey", visit)
        raise

    def work(tx: Connection) -> Session:
        operations.use_passkey(
            tx,
            factor_id=factor.id,
            sign_count=said.new_sign_count,
            challenge=challenge,
            now=now,
        )
        return operations.enter(tx, person=person, visit=visit, now=now)

    session = house.db.run(work)
    return render.see_other(data.get("next", ""), cookies=sessions.session_cookies(house, session))


def passkey_use(house: House, person: Person, data: dict[str, str], *, whose: str) -> Any:
    """Look at a passkey's answer; return what uses it up in a transaction."""
    answer, now = data.get("answer", ""), house.real_now()
    with house.db.read() as tx:
        factor, holder = proofs.passkey(tx, credential_id=passkeys.credential_of(answer))
    if holder.id != person.id:
        raise passkeys.PasskeyRefused
    said, challenge = passkeys.proved(
        house.settings, factor, answer=answer, state=data.get("state", ""), whose=whose, now=now
    )

    def use(tx: Any) -> bool:
        operations.use_passkey(
            tx,
            factor_id=factor.id,
            sign_count=said.new_sign_count,
            challenge=challenge,
            now=now,
        )
        return False

    return use


def code_use(house: House, person: Person, code: str) -> Any:
    """Return what uses up a code, of an app or a spare one, in a transaction."""
    now = house.real_now()
    with house.db.read() as tx:
        kept = proofs.factors_of(tx, person_id=person.id)

    def use(tx: Any) -> bool:
        for factor in kept:
            if factor.kind is FactorKind.TOTP:
                secret = kept_totp(house, factor.secret or "")
                step = operations.step_of(secret, code, now=now, after=factor.last_step or -1)
                if step is not None:
                    operations.use_step(tx, factor_id=factor.id, step=step, now=now)
                    return False
        if operations.use_recovery_code(tx, person=person, code=code, now=now):
            return True
        raise operations.WrongCode

    return use


def _note_wrong(house: House, person: Person, by: str, visit: operations.Visit) -> None:
    operations.note_wrong_proof(
        house.db,
        person=person,
        action=operations.LOG_IN_FAILED,
        by=by,
        visit=visit,
        now=house.real_now(),
    )


def _half(request: AnyRequest, house: House) -> tuple[Person, str] | None:
    said = unclose(house.settings.secret, _HALF, request.cookies.get(_name(house), ""))
    if said is None:
        return None
    read = json.loads(said)
    if house.real_now().timestamp() > read["t"]:
        return None
    with house.db.read() as tx:
        return queries.person_by_id(tx, person_id=UUID(read["p"])), str(read["h"])


def _name(house: House) -> str:
    return cookie_name(house, "springtide-second")


def _page(
    request: AnyRequest, house: House, person: Person, form: Form, back: str, status: int = 200
) -> Response[str]:
    with house.db.read() as tx:
        kept = proofs.factors_of(tx, person_id=person.id)
    keys = [each for each in kept if each.kind is FactorKind.PASSKEY]
    asked = keys and passkeys.ask(
        house.settings, keys, whose=f"second {person.id}", now=house.real_now()
    )
    return render.page(
        request,
        "account/second.html",
        status=status,
        form=form,
        asked=asked or None,
        next_path=render.local_path(back) if back else "/",
    )


routes = [second_page, second, log_in_by_passkey]

"""The door of the pages: sessions, CSRF tokens, and who may see a page."""

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import anyio.to_thread
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from litestar.enums import RequestEncodingType

from springtide.bootstrap import House
from springtide.domain.access import operations, proofs, queries
from springtide.domain.access.model import Member, Needs, NotAllowed, Permission, Person, Session
from springtide.kit.errors import N_, NotFound, Refusal
from springtide.kit.outage import unless_away
from springtide.kit.text import text_problem
from springtide.web.frame.cookies import cookie_name, is_https

CSRF_FIELD, CSRF_HEADER = "csrf_token", "x-csrf-token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_SEEN_EVERY = timedelta(minutes=5)

Connection = ASGIConnection[Any, Any, Any, Any]


class ForgedForm(Refusal):
    """A form without the token of its session: sent from elsewhere, or after a log-in elsewhere."""

    code = "forged_form"
    status = 403
    text = N_("This form is out of date or came from another site. Load the page again and retry.")


def session_cookie_name(house: House) -> str:
    """Return the name of the session's cookie; with https no other host can plant it."""
    return cookie_name(house, "springtide")


def visit_name(house: House) -> str:
    """Return the name of the cookie that a visit without a session has, for its forms."""
    return cookie_name(house, "visit")


def browser_cookie_name(house: House) -> str:
    """Return the name of the cookie by which a browser is known after its log-in."""
    return cookie_name(house, "springtide-browser")


def session_cookies(house: House, session: Session) -> list[Cookie]:
    """Return the cookies of a log-in: its session, and what the browser is known by later."""
    session_seconds = operations.SESSION_HOURS * 3600
    browser_seconds = operations.BROWSER_DAYS * 24 * 3600
    return [
        cookie(house, session_cookie_name(house), session.token, session_seconds),
        cookie(house, browser_cookie_name(house), session.browser, browser_seconds),
    ]


def gone_cookie(house: House) -> Cookie:
    """Return the cookie that takes a session away from the browser, which stays known."""
    return cookie(house, session_cookie_name(house), "", 0)


def session_token(connection: Connection, house: House) -> str | None:
    """Return the session token that the browser sent."""
    return connection.cookies.get(session_cookie_name(house)) or None


def visit_of(connection: Connection, house: House) -> operations.Visit:
    """Return where a request comes from, as log-ins keep it."""
    return operations.Visit(
        address=connection.client.host if connection.client else "",
        agent=connection.headers.get("user-agent", ""),
        browser=connection.cookies.get(browser_cookie_name(house), ""),
    )


def log_in_address(path: str, query: str = "") -> str:
    """Return the log-in page's address that comes back to a path of ours."""
    back = f"{path}?{query}" if query else path
    return "/log-in" if back == "/" else f"/log-in?next={quote(back, safe='/')}"


def confirm_address(back: str) -> str:
    """Return the address of the page that asks who it is, and comes back to a path of ours."""
    return f"/confirm?next={quote(back, safe='/')}"


async def admit_person(connection: Connection, house: House, *, fresh: bool = False) -> Person:
    """Return who is signed in; raises NotSignedIn, and NotFresh where ``fresh`` is asked."""
    token = session_token(connection, house)
    if token is None:
        raise queries.NotSignedIn
    standing = await anyio.to_thread.run_sync(_standing, house, token)
    connection.scope["state"]["person"] = standing.person
    if fresh and not standing.is_fresh(house.real_now()):
        raise queries.NotFresh
    return standing.person


async def admit_member(connection: Connection, house: House, rule: Needs) -> Member:
    """Return the member for a page of the shop in the path.

    Raises NotSignedIn; NotFound where the shop is not theirs; NotAllowed for their role; NotFresh
    where the rule asks for a fresh log-in and it is none.
    """
    token = session_token(connection, house)
    if token is None:
        raise queries.NotSignedIn
    slug = str(connection.path_params["shop"])
    member, standing = await anyio.to_thread.run_sync(_member, house, token, slug)
    # Set before the role is looked at: the page that refuses shows the shop's navigation too.
    connection.scope["state"].update(person=member.person, member=member)
    try:
        check_role(member, rule.permission)
    except NotAllowed as refusal:
        await anyio.to_thread.run_sync(_note_refusal, house, member, refusal, connection)
        raise
    if member.shop.requires_second_factor and not rule.without_factor:
        await anyio.to_thread.run_sync(_check_factor, house, member)
    if rule.fresh and not standing.is_fresh(house.real_now()):
        raise queries.NotFresh
    return member


async def visitor(connection: Connection, house: House) -> Person | None:
    """Return who is signed in, or None; for pages that anyone may open."""
    try:
        return await admit_person(connection, house)
    except queries.NotSignedIn:
        return None


def signed_in(connection: Connection, house: House) -> Person | None:
    """Return who is signed in, or None; as ``visitor``, for handlers that run in a thread."""
    token = session_token(connection, house)
    if token is None:
        return None
    try:
        return _standing(house, token).person
    except queries.NotSignedIn:
        return None


def still_member(house: House, token: str, member: Member) -> bool:
    """Tell whether a session that a long answer began with still holds, in the same role.

    It does not where the shop asks for a second factor by now and the person has none.
    """
    try:
        with house.db.read() as tx:
            standing = queries.session_person(tx, token=token, now=house.real_now())
            found = queries.member(tx, person=standing.person, slug=member.shop.slug)
            if found.shop.requires_second_factor and not proofs.has_factor(
                tx, person_id=found.person.id
            ):
                return False
            return found.role == member.role
    except (queries.NotSignedIn, NotFound):
        return False


def check_role(member: Member, permission: Permission) -> None:
    """Refuse a member whose role does not hold a permission (NotAllowed)."""
    if not member.may(permission):
        raise NotAllowed(permission=permission)


def prepare_csrf(connection: Connection, house: House) -> None:
    """Bind this request's CSRF token to its session, or to a fresh visit of nobody."""
    state = connection.scope["state"]
    if "csrf_token" in state:
        return
    holder = session_token(connection, house) or connection.cookies.get(visit_name(house))
    if not holder:
        holder = state["new_visit"] = secrets.token_urlsafe(24)
    state["csrf_token"] = csrf_of(house, holder)


def csrf_of(house: House, holder: str) -> str:
    """Return the CSRF token of a session's (or a visit's) token."""
    secret = house.settings.secret.encode()
    return hmac.new(secret, b"csrf:" + holder.encode(), hashlib.sha256).hexdigest()


def visit_cookie(visit: str, house: House) -> bytes:
    """Return the cookie that a first visit gets, for its CSRF token, as a header's value."""
    cookie = Cookie(
        key=visit_name(house),
        value=visit,
        path="/",
        httponly=True,
        secure=is_https(house),
        samesite="lax",
    )
    return cookie.to_header(header="").encode()


async def check_csrf(request: Request[Any, Any, Any]) -> None:
    """Refuse a writing request without the token of its session (ForgedForm)."""
    # Browsers say where a request comes from; what another site sends is never ours.
    if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise ForgedForm
    sent: object = request.headers.get(CSRF_HEADER)
    if sent is None and request.content_type[0] in (
        RequestEncodingType.URL_ENCODED,
        RequestEncodingType.MULTI_PART,
    ):
        sent = (await request.form()).get(CSRF_FIELD)
    expected: str = request.scope["state"].get("csrf_token", "")
    if not isinstance(sent, str) or not expected:
        raise ForgedForm
    if not hmac.compare_digest(sent.encode(), expected.encode()):
        raise ForgedForm


async def refuse_unstorable(request: Request[Any, Any, Any]) -> None:
    """Refuse a form with a character that no database keeps: nobody types one (TextUnstorable)."""
    if request.content_type[0] in (
        RequestEncodingType.URL_ENCODED,
        RequestEncodingType.MULTI_PART,
    ):
        for value in (await request.form()).values():
            if isinstance(value, str) and (problem := text_problem(value, length_max=len(value))):
                raise problem


def _standing(house: House, token: str) -> queries.Standing:
    now = house.real_now()
    with house.db.read() as tx:
        standing = queries.session_person(tx, token=token, now=now)
    _note_seen(house, token, standing.seen_at, now)
    return standing


def _member(house: House, token: str, slug: str) -> tuple[Member, queries.Standing]:
    now = house.real_now()
    with house.db.read() as tx:
        standing = queries.session_person(tx, token=token, now=now)
        member = queries.member(tx, person=standing.person, slug=slug)
    _note_seen(house, token, standing.seen_at, now)
    return member, standing


def _check_factor(house: House, member: Member) -> None:
    with house.db.read() as tx:
        if not proofs.has_factor(tx, person_id=member.person.id):
            raise queries.FactorNeeded


def _note_refusal(
    house: House, member: Member, refusal: NotAllowed, connection: Connection
) -> None:
    """Write a refusal into the audit log; of one person so many an hour, however many there are."""
    now = house.real_now()
    with unless_away("a refusal"), house.db.write(is_patient=False) as tx:
        operations.record_refusal(
            tx,
            member=member,
            path=connection.scope["path"],
            permission=str(refusal.facts["permission"]),
            now=now,
        )


def _note_seen(house: House, token: str, seen_at: datetime, now: datetime) -> None:
    if now - seen_at > _SEEN_EVERY:
        # Who only reads goes on reading while nothing can be written.
        with unless_away("a session's last use"), house.db.write(is_patient=False) as tx:
            operations.mark_session_seen(tx, token=token, now=now)


def cookie(house: House, name: str, value: str, seconds: int) -> Cookie:
    """Return a cookie that only our pages see, for so many seconds; with 0 it is taken away."""
    return Cookie(
        key=name,
        value=value,
        max_age=seconds,
        path="/",
        httponly=True,
        secure=is_https(house),
        samesite="lax",
    )

"""The way in and out: log-in, log-out, the choice of language, the choice of shop."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any
from urllib.parse import urlencode

import anyio
import anyio.to_thread
from litestar import Response, get, post
from litestar.response import Redirect

from springtide.bootstrap import House
from springtide.domain.access import operations, queries
from springtide.domain.access.model import Person, Public, SignedIn
from springtide.domain.access.pace import Busy
from springtide.kit.errors import N_, Refusal
from springtide.kit.i18n import LANGUAGES
from springtide.web.account import passkeys, second_factor
from springtide.web.frame import render, sessions
from springtide.web.frame.cookies import cookie_name
from springtide.web.frame.forms import AnyRequest, Form, Typed

#: Log-ins under way at once, of strangers and of known browsers: each waits in a thread of its own,
#: so that no crowd of them takes the threads that answer the team's pages.
STRANGERS_AT_ONCE, KNOWN_AT_ONCE = 96, 16
_WAITING_MAX = 200
_BUSY_SECONDS = 30


@dataclass
class Lines:
    """Where a process's log-ins wait for a thread."""

    strangers: anyio.CapacityLimiter = field(
        default_factory=partial(anyio.CapacityLimiter, STRANGERS_AT_ONCE)
    )
    known: anyio.CapacityLimiter = field(
        default_factory=partial(anyio.CapacityLimiter, KNOWN_AT_ONCE)
    )


class Missing(Refusal):
    """A field that has to be filled in."""

    code = "missing"
    text = N_("Please fill this in.")


@get("/log-in", opt={"access": Public("whoever wants to log in")}, sync_to_thread=True)
def log_in_page(request: AnyRequest, house: House) -> Response[Any]:
    """Show the log-in form; who is signed in already goes on."""
    back = request.query_params.get("next", "")
    if sessions.signed_in(request, house) is not None:
        return render.see_other(back)
    return _page(request, house, Form(), back)


@post("/log-in", opt={"access": Public("whoever wants to log in")})
async def log_in(request: AnyRequest, house: House, data: Typed) -> Response[Any]:
    """Open a session, or show the form again with what is wrong."""
    state = request.app.state
    lines: Lines = state.get("log_in_lines") or state.setdefault("log_in_lines", Lines())
    is_known = await anyio.to_thread.run_sync(_is_known, request, house, data)
    line = lines.known if is_known else lines.strangers
    if line.statistics().tasks_waiting >= _WAITING_MAX:
        raise Busy(seconds=_BUSY_SECONDS)
    return await anyio.to_thread.run_sync(_log_in, request, house, data, limiter=line)


def _is_known(request: AnyRequest, house: House, data: dict[str, str]) -> bool:
    browser = sessions.visit_of(request, house).browser
    if not browser:
        return False
    with house.db.read() as tx:
        return operations.is_known_browser(
            tx, email=data.get("email", ""), browser=browser, now=house.real_now()
        )


def _log_in(request: AnyRequest, house: House, data: dict[str, str]) -> Response[Any]:
    email, password = data.get("email", ""), data.get("password", "")
    back = data.get("next", "")
    missing: dict[str, Refusal] = {
        name: Missing() for name, value in (("email", email), ("password", password)) if not value
    }
    if missing:
        return _page(request, house, Form({"email": email}, missing), back, status=422)
    try:
        session = operations.log_in(
            house.db,
            email=email,
            password=password,
            visit=sessions.visit_of(request, house),
            now=house.real_now(),
        )
    except operations.SecondFactorNeeded as needed:
        to = f"/log-in/second?{urlencode({'next': render.local_path(back)})}"
        return render.see_other(to, cookies=[second_factor.half_cookie(house, needed)])
    except Refusal as refusal:
        form = Form({"email": email}, error=refusal)
        return _page(request, house, form, back, status=refusal.status)
    chosen = request.cookies.get(cookie_name(house, render.LANGUAGE_COOKIE), "")
    if chosen in LANGUAGES and chosen != session.person.language:
        house.db.run(
            lambda tx: operations.change_language(tx, person=session.person, language=chosen)
        )
    return render.see_other(back, cookies=sessions.session_cookies(house, session))


@post("/log-out", opt={"access": Public("ends the session it came with")}, sync_to_thread=True)
def log_out(request: AnyRequest, house: House) -> Response[Any]:
    """End the session."""
    token = sessions.session_token(request, house)
    if token:
        house.db.run(lambda tx: operations.log_out(tx, token=token, now=house.real_now()))
    gone = render.see_other("/log-in", cookies=[sessions.gone_cookie(house)])
    # What the browser kept of the pages goes too; its cookies stay: by one it is known here.
    gone.headers["clear-site-data"] = '"cache", "storage"'
    return gone


@post("/language", opt={"access": Public("changes only the language")}, sync_to_thread=True)
def choose_language(request: AnyRequest, house: House, data: Typed) -> Response[Any]:
    """Keep the chosen language, with the person if there is one, and go back."""
    language = data.get("language", "")
    back = data.get("back", "")
    if language not in LANGUAGES:
        return render.see_other(back)
    person = sessions.signed_in(request, house)
    if person is not None:
        house.db.run(lambda tx: operations.change_language(tx, person=person, language=language))
    return render.see_other(back, cookies=[render.language_cookie(language)])


@get("/", opt={"access": SignedIn()}, sync_to_thread=True)
def start(house: House, person: Person) -> Response[Any]:
    """Go to the person's only shop, or to the choice."""
    with house.db.read() as tx:
        shops = queries.shops_of(tx, person_id=person.id)
    return Redirect(f"/shops/{shops[0][0].slug}" if len(shops) == 1 else "/shops", status_code=303)


@get("/shops", opt={"access": SignedIn()}, sync_to_thread=True)
def shops_page(request: AnyRequest, house: House, person: Person) -> Response[str]:
    """Show the person's shops."""
    with house.db.read() as tx:
        shops = queries.shops_of(tx, person_id=person.id)
    return render.page(request, "account/shops.html", person=person, shops=shops)


def _page(
    request: AnyRequest, house: House, form: Form, back: str, status: int = 200
) -> Response[Any]:
    with house.db.read() as tx:
        has_demo = any(shop.is_demo for shop in queries.all_shops(tx))
    return render.page(
        request,
        "account/log_in.html",
        status=status,
        form=form,
        next_path=render.local_path(back) if back else "/",
        has_demo=has_demo,
        asked=passkeys.ask(house.settings, [], whose=second_factor.ANYONE, now=house.real_now()),
    )


routes = [log_in_page, log_in, log_out, choose_language, start, shops_page]

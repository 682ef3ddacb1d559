"""Pages from templates: ``page`` for every page, ``see_other`` after a form that worked.

One Jinja2 environment a language; the filters write numbers, money and times for the shop that
the page shows (see words.py).
"""

import base64
import json
from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import MediaType, Response
from litestar.datastructures import Cookie
from litestar.response import Redirect

from springtide.domain.access.model import ACTOR_NAMES, ROLE_NAMES, Member, Permission
from springtide.flows.files.export import export_named
from springtide.flows.people import audit_log
from springtide.kit.errors import Refusal
from springtide.kit.i18n import LANGUAGES, LOCALES, translate
from springtide.kit.money import exponent
from springtide.web.frame import navigation, words
from springtide.web.frame.agents import agent_name
from springtide.web.frame.badges import STATUSES
from springtide.web.frame.cookies import cookie_name
from springtide.web.frame.forms import AnyRequest, Form
from springtide.web.frame.static_files import static
from springtide.web.frame.words import View

FOLDER = Path(__file__).parents[1]
LANGUAGE_COOKIE = "springtide_language"
FLASH_COOKIE = "springtide_flash"
_YEAR_SECONDS = 365 * 24 * 3600
_FLASH_CHARACTERS = 400
# Outside a shop nothing is shown in money or local time; the formats still need a zone.
_NO_SHOP = ("USD", ZoneInfo("UTC"))

#: The view of the page that this thread renders now; macros and filters read it.
_view: ContextVar[View] = ContextVar("view")


def language_of(request: AnyRequest, member: Member | None = None) -> str:
    """Return the language of a page: the visitor's choice, the person's, the browser's."""
    chosen = request.cookies.get(cookie_name(request.app.state["house"], LANGUAGE_COOKIE))
    if chosen in LANGUAGES:
        return str(chosen)
    if member is not None and member.person.language in LANGUAGES:
        return member.person.language
    for part in request.headers.get("accept-language", "").split(","):
        code = part.partition(";")[0].strip().lower().partition("-")[0]
        if code in LANGUAGES:
            return code
    return "en"


def language_cookie(language: str) -> Cookie:
    """Return the cookie that keeps a chosen language for a year."""
    return Cookie(
        key=LANGUAGE_COOKIE, value=language, max_age=_YEAR_SECONDS, httponly=True, samesite="lax"
    )


def view_of(request: AnyRequest, member: Member | None = None) -> View:
    """Return how things are written for whoever asks."""
    language = language_of(request, member)
    if member is None:
        return View(language, *_NO_SHOP)
    return View(language, member.shop.currency, member.shop.tz, _now(request, member))


def page(
    request: AnyRequest,
    template: str,
    *,
    member: Member | None = None,
    status: int = 200,
    cookies: list[Cookie] | None = None,
    **context: Any,
) -> Response[str]:
    """Render a template of web/ for whoever asks; the member brings the shop and the navigation."""
    member = member or request.scope["state"].get("member")
    cookies = list(cookies or [])
    flash = None
    kept = request.cookies.get(cookie_name(request.app.state["house"], FLASH_COOKIE))
    if kept is not None and not template.startswith("_"):
        flash = _read_flash(kept)
        cookies.append(Cookie(key=FLASH_COOKIE, value="", max_age=0, httponly=True, samesite="lax"))
    html = render(
        template,
        view_of(request, member),
        member=member,
        path=request.url.path,
        address=_address(request),
        csrf_token=csrf_token(request),
        flash=flash,
        signed_in=request.scope["state"].get("person"),
        unknown_proxy=_unknown_proxy(request, member),
        **context,
    )
    return Response(
        html,
        status_code=status,
        media_type=MediaType.HTML,
        cookies=cookies,
        headers={"Cache-Control": "no-store", "Vary": "Cookie, Accept-Language"},
    )


def render(template: str, view: View, **context: Any) -> str:
    """Render a template for a view; also for fragments that a stream or a test wants."""
    member: Member | None = context.setdefault("member", None)
    base = {
        "shop": member.shop if member else None,
        "language": view.language,
        "languages": LANGUAGES,
        "html_language": LOCALES[view.language].replace("_CN", "").replace("_", "-"),
        "now": view.now,
        "currency_exponent": exponent(view.currency),
        "view": view,
        "nav_items": navigation.items_for(member) if member else [],
        "path": "",
        "address": "/",
        "csrf_token": "",
        "flash": None,
        "signed_in": None,
        "unknown_proxy": "",
    }
    token = _view.set(view)
    try:
        return environment(view.language).get_template(template).render(base | context)
    finally:
        _view.reset(token)


def see_other(
    to: str, *, message: str = "", kind: str = "success", cookies: list[Cookie] | None = None
) -> Redirect:
    """Send the browser to a page of ours after a form, with a message to show there once.

    The message is given in the reader's language already (``translate``); kind is success, info,
    warning or danger.
    """
    kept = list(cookies or [])
    if message:
        text = json.dumps({"kind": kind, "text": message[:_FLASH_CHARACTERS]})
        value = base64.urlsafe_b64encode(text.encode()).decode()
        kept.append(
            Cookie(key=FLASH_COOKIE, value=value, max_age=60, httponly=True, samesite="lax")
        )
    return Redirect(local_path(to), status_code=303, cookies=kept)


def refused(request: AnyRequest, refusal: Refusal) -> Response[str]:
    """Render the page of a refusal that belongs to no form: its text and the way on."""
    return page(
        request,
        "frame/error.html",
        status=refusal.status,
        error_status=refusal.status,
        error=refusal,
    )


def local_path(to: str) -> str:
    """Return a path on this server, and the start page for anything that leads elsewhere.

    >>> local_path("/shops/demo?tab=keys"), local_path("//evil.example"), local_path("https://x")
    ('/shops/demo?tab=keys', '/', '/')
    """
    parts = urlsplit(to)
    if parts.scheme or parts.netloc or not to.startswith("/") or to.startswith(("//", "/\\")):
        return "/"
    return to


def page_before(request: AnyRequest) -> str:
    """Return the page of ours that a form was sent from, and the start page if none is named."""
    return local_path(urlsplit(request.headers.get("referer", "")).path)


def csrf_token(request: AnyRequest) -> str:
    """Return the token that this request's forms have to carry."""
    return str(getattr(request.state, "csrf_token", "") or "")


def _now(request: AnyRequest, member: Member) -> datetime | None:
    house = request.app.state.get("house")
    now: datetime | None = house.now(member.shop) if house is not None else None
    return now


def _unknown_proxy(request: AnyRequest, member: Member | None) -> str:
    """Return the proxy that the settings do not name, for who can have it named."""
    house = request.app.state.get("house")
    may_mend = member is not None and member.may(Permission.SETTINGS_WRITE)
    return house.unknown_proxy if house is not None and may_mend else ""


def _address(request: AnyRequest) -> str:
    """Return where the reader is, to come back there after choosing a language."""
    if request.method != "GET":
        return page_before(request)
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path


def _read_flash(value: str) -> dict[str, str] | None:
    try:
        read = json.loads(base64.urlsafe_b64decode(value))
        return {"kind": str(read["kind"]), "text": str(read["text"])[:_FLASH_CHARACTERS]}
    except (ValueError, KeyError, TypeError):
        return None


_FILTERS: dict[str, Callable[..., Any]] = {
    "money": words.money,
    "money_short": words.money_short,
    "number": words.number,
    "number_short": words.number_short,
    "percent": words.percent,
    "change": words.change,
    "day": words.day,
    "day_short": words.day_short,
    "instant": words.instant,
    "instant_text": words.instant_text,
    "clock": words.clock,
    "since": words.since,
    "duration": words.duration,
    "plan_time": words.plan_time,
    "refusal": words.refusal,
    "sentence": words.sentence,
    "weekday": words.weekday,
}


@cache
def environment(language: str) -> Environment:
    """Return the templates' environment in one language."""
    made = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=400,
    )
    say = partial(_translated, language=language)
    made.globals.update(
        _=say,
        _n=partial(_counted, language=language),
        static=static,
        view_now=lambda: _view.get().now,
        Form=Form,
        role_names=ROLE_NAMES,
        status_names=STATUSES,
        actor_names=ACTOR_NAMES,
        takeable=_takeable,
    )
    made.filters.update({name: _in_view(function) for name, function in _FILTERS.items()})
    made.filters.update(
        id_out=words.id_out,
        agent_name=agent_name,
        t=say,
        audit_action=partial(_audit_action, language=language),
    )
    return made


def _takeable(member: Member, tables: list[tuple[str, Any, str]]) -> list[tuple[str, Any, str]]:
    """Return those exports that a member may take, by the rule of what they are about."""
    return [table for table in tables if member.reads(export_named(table[0]).data)]


def _in_view(function: Callable[..., Any]) -> Callable[..., Any]:
    def in_view(*values: Any, **options: Any) -> Any:
        return function(_view.get(), *values, **options)

    return in_view


def _audit_action(action: str, language: str) -> str:
    return translate(audit_log.word(action), language)


def _translated(text: str, language: str) -> str:
    return translate(text, language)


def _counted(one: str, many: str, count: int, language: str) -> str:
    """Return the form for a count; Chinese has one form, kept under the plural's text."""
    text = one if count == 1 and language == "en" else translate(many, language)
    shown = words.number(_view.get(), count)
    return text.format(n=shown)

"""The ASGI app: joins pages and API, and puts one guard before every route."""

import importlib
import logging
import os
import pkgutil
import time
from types import ModuleType
from typing import Any, cast

from litestar import Litestar, Request, Response, Router
from litestar.connection import ASGIConnection
from litestar.datastructures import State
from litestar.di import Provide
from litestar.enums import HttpMethod, ScopeType
from litestar.exceptions import HTTPException, ValidationException
from litestar.handlers import BaseRouteHandler
from litestar.types import (
    HTTPScope,
    LifeSpanReceive,
    LifeSpanScope,
    LifeSpanSend,
    Message,
    Receive,
    Scope,
    Send,
)

from springtide import api, web
from springtide.api import problems
from springtide.api.door import Door
from springtide.api.hot import HotPath, request_id_of
from springtide.api.methods import allowed_methods
from springtide.api.observe import Observer
from springtide.api.openapi import openapi_config
from springtide.api.strictness import StrictRequest, check_parameters
from springtide.bootstrap import House, open_house
from springtide.domain.access.model import (
    AccessRule,
    Caller,
    Key,
    Member,
    Needs,
    Person,
    Public,
    SignedIn,
)
from springtide.flows.installation.marks import warn_of_other_secret
from springtide.headers import CORS, always, dress
from springtide.kit import paths
from springtide.kit.db import Contended, met_in_a_ring
from springtide.kit.discreet import write_logs
from springtide.kit.errors import N_, Invalid, Refusal
from springtide.kit.outage import outage_of
from springtide.kit.reading import NO_BODY, BadField, BodyUnreadable
from springtide.kit.wire import Patience, without_body
from springtide.settings import read_settings
from springtide.web.frame import errors, proxies, sessions, static_files

log = logging.getLogger("springtide.site")

BODY_BYTES_MAX = 1_000_000
Connection = ASGIConnection[Any, Any, Any, Any]


class NoSuchPath(Refusal):
    """Nothing answers at this address."""

    code = "no_such_path"
    status = 404
    text = N_("There is nothing at {path}.")


class WrongMethod(Refusal):
    """The address exists, but does not take this method."""

    code = "wrong_method"
    status = 405
    text = N_("{method} does not work here.")


class InternalError(Refusal):
    """A fault of ours; the log holds the details under the id."""

    code = "internal_error"
    status = 500
    text = N_("Something went wrong on our side. Please report the id {id}.")


class RouteWithoutRule(Exception):
    """A route that does not say who may call it: the site does not start."""


class Site(Litestar):
    """The app; around every request: an id, security headers, counters and one log line."""

    async def __call__(
        self,
        scope: Scope | LifeSpanScope,
        receive: Receive | LifeSpanReceive,
        send: Send | LifeSpanSend,
    ) -> None:
        """Answer one request."""
        if scope["type"] == ScopeType.HTTP:
            body = self.state.patience.body(receive)
            try:
                await self._answer(cast("HTTPScope", scope), body.receive, cast("Send", send))
            finally:
                body.close()
            return
        await super().__call__(scope, receive, send)

    async def _answer(self, request: HTTPScope, receive: Receive, send: Send) -> None:
        if await self.state.hot.answers(request, receive, send):
            return
        # A server may hand the same state to every request.
        state = request["state"] = {**request.get("state", {}), "began": time.perf_counter()}
        sent = next((v for name, v in request["headers"] if name == b"x-request-id"), b"")
        state["request_id"] = request_id_of(sent)
        state["method"] = request["method"]
        if request["method"] == "HEAD":
            request["method"] = HttpMethod.GET
            receive, send = without_body(send)
        paths.keep_slashes_of_keys(request)
        await super().__call__(request, receive, send)


def create_app(house: House) -> Site:
    """Return the app of a house, with every route that the folders web and api export."""
    api_door = Door(house)
    observer = Observer()
    hot = HotPath(
        house,
        api_door,
        observer,
        headers=[*always(house), (b"cache-control", b"no-store"), *CORS],
        refusal_of=_as_refusal,
    )

    async def guard(connection: Connection, handler: BaseRouteHandler) -> None:
        await _admit(connection, handler, house, api_door)

    async def finish(message: Message, scope: Scope) -> None:
        if message["type"] == "http.response.start" and scope["type"] == ScopeType.HTTP:
            dress(message, scope, house)
            _note(message["status"], scope)

    app = Site(
        route_handlers=[
            Router("/", route_handlers=_routes(web), include_in_schema=False),
            Router("/", route_handlers=_routes(api)),
        ],
        guards=[guard],
        before_send=[finish],
        dependencies={
            "house": Provide(lambda: house, sync_to_thread=False),
            "member": Provide(_member, sync_to_thread=False),
            "person": Provide(_person, sync_to_thread=False),
            "caller": Provide(_caller, sync_to_thread=False),
        },
        exception_handlers={Exception: answer_error},
        openapi_config=openapi_config(),
        request_class=StrictRequest,
        request_max_body_size=BODY_BYTES_MAX,
        state=State(
            {
                "house": house,
                "observer": observer,
                "hot": hot,
                "patience": Patience(),
                "api_door": api_door,
            }
        ),
        on_shutdown=[api_door.close],
        logging_config=None,
    )
    check_rules(app)
    return app


def app_from_environment() -> Any:
    """Open the house that the environment describes and return its app; for the server."""
    write_logs("%(asctime)s %(levelname)s %(name)s %(message)s")
    if os.environ.get("SPRINGTIDE_ACCESS_LOG"):
        logging.getLogger("springtide").setLevel(logging.INFO)
    house = open_house(read_settings())
    app = create_app(house)
    app.on_shutdown.append(house.close)
    proxies.warn_at_start(house)
    warn_of_other_secret(house.db, house.settings.secret)
    return proxies.behind_proxies(app, house)


def handlers(app: Litestar) -> list[tuple[str, str, BaseRouteHandler]]:
    """Return every route of an app as method, path and handler, OPTIONS left out."""
    found = []
    for route in app.routes:
        for handler in getattr(route, "route_handlers", None) or [route.route_handler]:  # type: ignore[union-attr]
            methods = getattr(handler, "http_methods", None) or {"ANY"}
            found += [
                (str(method), route.path, handler)
                for method in sorted(methods)
                if method != "OPTIONS"
            ]
    return found


def check_rules(app: Litestar) -> None:
    """Refuse an app with a route that states no access rule, or one that cannot hold."""
    for method, path, handler in handlers(app):
        rule = handler.opt.get("access")
        if not isinstance(rule, AccessRule):
            raise RouteWithoutRule(f'{method} {path}: say who may call it in opt["access"]')
        if isinstance(rule, Needs) and "{shop:str}" not in path:
            raise RouteWithoutRule(f"{method} {path}: a page of a shop needs {{shop:str}}")
        if isinstance(rule, Key) != path.startswith("/v1/") and not isinstance(rule, Public):
            raise RouteWithoutRule(f"{method} {path}: keys open /v1/, sessions open pages")


def answer_error(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Return a problem document or a page for whatever was raised; hide what is a fault."""
    request.scope.setdefault("state", {})
    refusal = _as_refusal(request.scope, error)
    if not _is_page(request.scope["path"]):
        api_door: Door = request.app.state["api_door"]
        caller = request.scope["state"].get("caller")
        api_door.note_refused(caller, refusal, _template(request.scope))
        return problems.error_response(request, refusal)
    # No guard ran where no route matched, and the page has forms of its own.
    sessions.prepare_csrf(request, request.app.state["house"])
    answer = errors.error_response(request, refusal)
    if refusal.status in (405, 429):
        answer.headers.update(problems.headers_of(refusal))
    return answer


def _routes(package: ModuleType) -> list[Any]:
    found: list[Any] = []
    for info in sorted(
        pkgutil.walk_packages(package.__path__, f"{package.__name__}."), key=lambda i: i.name
    ):
        found += getattr(importlib.import_module(info.name), "routes", [])
    return found


async def _admit(
    connection: Connection, handler: BaseRouteHandler, house: House, api_door: Door
) -> None:
    rule = handler.opt.get("access")
    method = connection.scope.get("method", "GET")
    if method == "OPTIONS":
        return
    if "\0" in connection.scope["path"] or b"%00" in connection.scope["query_string"]:
        raise BodyUnreadable(why=N_("it holds a NUL character"))
    paths.give_back_slashes(connection.scope)
    check_parameters(connection, handler)
    if isinstance(rule, Key):
        await api_door.admit(connection, rule, is_hot=handler.opt.get("hot", False))
        return
    is_page = isinstance(connection, Request) and _is_page(connection.scope["path"])
    if is_page:
        sessions.prepare_csrf(connection, house)
    if isinstance(rule, Needs):
        await sessions.admit_member(connection, house, rule)
    elif isinstance(rule, SignedIn):
        await sessions.admit_person(connection, house, fresh=rule.fresh)
    elif not isinstance(rule, Public):
        raise RouteWithoutRule(connection.scope["path"])
    # A signed link is its own proof: mail programs post to it without any page of ours before.
    is_signed = handler.opt.get("signed_link", False)
    if is_page and method not in sessions.SAFE_METHODS and not is_signed:
        await sessions.check_csrf(cast("Request[Any, Any, Any]", connection))
        await sessions.refuse_unstorable(cast("Request[Any, Any, Any]", connection))


def _member(request: Request[Any, Any, Any]) -> Member:
    member: Member = request.scope["state"]["member"]
    return member


def _person(request: Request[Any, Any, Any]) -> Person:
    person: Person = request.scope["state"]["person"]
    return person


def _caller(request: Request[Any, Any, Any]) -> Caller:
    caller: Caller = request.scope["state"]["caller"]
    return caller


def _as_refusal(scope: HTTPScope, error: Exception) -> Refusal:
    if isinstance(error, Refusal):
        return error
    if isinstance(error, ValidationException) and isinstance(error.extra, list):
        return Invalid(
            {item.get("key", "body"): BadField(why=item["message"]) for item in error.extra}
            if error.extra[0].get("key") != "data"
            else {"body": BadField(why=NO_BODY)}
        )
    if isinstance(error, HTTPException) and error.status_code < 500:
        return _of_status(scope, error)
    request_id = scope["state"].get("request_id", "")
    if met_in_a_ring(error):
        return Contended()
    if outage := outage_of(error):
        errors.tell_outage(outage, error, scope["path"])
        return outage
    log.error("fault id=%s path=%r", request_id, scope["path"], exc_info=error)
    return InternalError(id=request_id)


def _of_status(scope: HTTPScope, error: HTTPException) -> Refusal:
    if error.status_code == 404:
        return NoSuchPath(path=paths.shown(scope["path"])[:200])
    if error.status_code == 405:
        allowed = allowed_methods(scope["litestar_app"], scope["path"])
        return WrongMethod(method=scope["method"], allowed=", ".join(allowed))
    if error.status_code == 413:
        return problems.BodyTooLarge()
    return BodyUnreadable(why=error.detail[:200])


def _template(scope: Scope) -> str:
    """Return a route's template, its parameters without their types: as documents name it."""
    return str(scope.get("path_template") or "none").replace(":str}", "}")


def _is_page(path: str) -> bool:
    """Tell whether people look at what is here: only they get a cookie, and refusals as pages."""
    if path.startswith(("/v1/", static_files.PREFIX)):
        return False
    return path not in ("/v1", "/healthz", "/readyz", "/metrics")


def _note(status: int, scope: HTTPScope) -> None:
    """Count an answer, and log it where that is wanted."""
    state = scope["state"]
    observer: Observer = scope["litestar_app"].state.observer
    observer.answered(
        method=state["method"],
        route=scope.get("path_template") or "none",
        path=paths.shown(scope["path"]),
        status=status,
        seconds=time.perf_counter() - state["began"],
        request_id=state["request_id"],
    )

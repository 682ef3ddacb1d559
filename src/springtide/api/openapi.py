"""The published description of the API: OpenAPI 3.1 at /v1/openapi.json."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import msgspec
from litestar import Request, Router
from litestar.handlers import HTTPRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.plugins import JsonRenderPlugin
from litestar.openapi.spec import Components, SecurityScheme
from litestar.routes import BaseRoute
from litestar.types import ControllerRouterHandler

import springtide
from springtide.api.claims import PLACE_HEADER
from springtide.api.problems import MEDIA_TYPE, Problem
from springtide.api.writes import HEADER
from springtide.domain.access.model import Key, Public
from springtide.flows.claims.waiting_room import PLACE_LENGTH
from springtide.kit.idempotency import KEY_LENGTH_MAX

_ABOUT = """\
The API that a shop's own site, app and servers use.

- Send `Authorization: Bearer <key>`. Publishable keys (`pk_live_…`) are for browsers and may only
  do what says so; secret keys (`sk_live_…`) stay on servers.
- Writes take an `Idempotency-Key`: the same key and body have one effect and one answer.
- Lists have `limit` and `cursor`; the `next_cursor` of a page fetches the next one.
- What is refused answers with a problem document (RFC 9457) whose `code` never changes.
- Money is in integer minor units of the shop's currency; times are RFC 3339 with an offset.
- Values have their own JSON types, whole numbers no point; no key stands twice in an object.
"""
#: The one character that no address may have (the door refuses it).
_NO_NUL = r"^[^\u0000]*$"
_REF = "#/components/schemas/{name}"


class _Document(JsonRenderPlugin):
    """Serves the schema, completed with what all routes share."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: bytes | None = None

    def render(self, request: Request[Any, Any, Any], openapi_schema: dict[str, Any]) -> bytes:
        if self._kept is None:
            completed = _completed(deepcopy(openapi_schema), request.app.routes)
            self._kept = msgspec.json.encode(completed)
        return self._kept


class _SchemaRouter(Router):
    """Serves only the JSON document: Litestar's own page for unknown paths would answer HTML."""

    def register(self, value: ControllerRouterHandler) -> list[BaseRoute]:
        if isinstance(value, HTTPRouteHandler) and "/{path:str}" in value.paths:
            return []
        return super().register(value)


def openapi_config() -> OpenAPIConfig:
    """Return the configuration of the published schema."""
    return OpenAPIConfig(
        title="Springtide",
        version=springtide.__version__,
        description=_ABOUT,
        use_handler_docstrings=True,
        components=Components(
            security_schemes={
                "key": SecurityScheme(
                    type="http", scheme="bearer", description="An API key of the shop."
                )
            }
        ),
        render_plugins=[_Document()],
        openapi_router=_SchemaRouter(
            "/v1",
            route_handlers=[],
            include_in_schema=False,
            opt={"access": Public("describes the API; holds no data of any shop")},
        ),
    )


def _completed(schema: dict[str, Any], routes: list[Any]) -> dict[str, Any]:
    """Add to every operation its key, its scope, its Idempotency-Key and its problems."""
    # Bodies are described by what decodes them: the framework's own words lose bounds of 0, those
    # of what a list holds, and that other fields are refused.
    bodies = {
        handler.parsed_data_field.annotation: None
        for route in routes
        if route.path.startswith("/v1/")
        for handler in getattr(route, "route_handlers", [])
        if handler.parsed_data_field
    }
    (_, parts) = msgspec.json.schema_components([Problem, *bodies], ref_template=_REF)
    schema["components"].setdefault("schemas", {}).update(parts)
    options = {
        (route.path_format, method.lower()): handler.opt
        for route in routes
        for handler in getattr(route, "route_handlers", [])
        for method in handler.http_methods
    }
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            _complete(operation, method, options.get((path, method), {}))
            for parameter in operation.get("parameters", []):
                parameter["schema"] = _said(parameter["schema"])
    _speak_ecma(schema)
    return schema


def _said(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a parameter: an address says a value or leaves it out, never null."""
    said = dict(schema)
    ways = [each for each in said.get("oneOf", []) if each != {"type": "null"}]
    if len(ways) == 1:
        del said["oneOf"]
        said = ways[0] | said
    if isinstance(said.get("type"), list):
        (said["type"],) = (each for each in said["type"] if each != "null")
        said["enum"] = [each for each in said["enum"] if each is not None]
    if said.get("type") == "string" and not said.keys() & {"enum", "format", "pattern"}:
        said["pattern"] = _NO_NUL
    if said.get("type") == "array":
        said["items"] = _said(said["items"])
    return said


def _speak_ecma(part: Any) -> None:
    """Write the end of patterns as JSON Schema's regular expressions do: there, ``$`` is the end.

    In Python's a ``$`` matches before a line feed at the end too.
    """
    if isinstance(part, list):
        for each in part:
            _speak_ecma(each)
    elif isinstance(part, dict):
        pattern = part.get("pattern")
        if isinstance(pattern, str) and pattern.endswith(r"\Z"):
            part["pattern"] = pattern[:-2] + "$"
        for each in part.values():
            _speak_ecma(each)


def _complete(operation: dict[str, Any], method: str, options: Mapping[str, Any]) -> None:
    rule = options.get("access")
    answer = {
        "description": "Refused: a problem document.",
        "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(name="Problem")}}},
    }
    # Litestar describes its own error document for 400; ours is the problem document.
    operation["responses"].pop("400", None)
    statuses = ["400", "401", "403", "404", "409", "413", "415", "422", "429"]
    for status in statuses if isinstance(rule, Key) else ["400", "404", "422"]:
        operation["responses"].setdefault(status, answer)
    operation["responses"]["default"] = answer
    if isinstance(rule, Key):
        operation["security"] = [{"key": []}]
        kinds = "publishable or secret" if rule.publishable else "secret"
        about = f"Needs a {kinds} key with the scope `{rule.scope}`."
        described = operation.get("description", "")
        operation["description"] = f"{described}\n\n{about}".strip()
        # Some say "optional" (what they take has ids of its own) or "none" (they keep nothing).
        wants = options.get("idempotency", "required")
        if method == "post" and wants != "none":
            _take_idempotency_key(operation, is_required=wants == "required")
        if options.get("hot"):
            _take_place(operation)


def _take_idempotency_key(operation: dict[str, Any], *, is_required: bool) -> None:
    parameters = operation.setdefault("parameters", [])
    if any(parameter.get("name", "").lower() == HEADER.lower() for parameter in parameters):
        return
    parameters.append(
        {
            "name": HEADER,
            "in": "header",
            "required": is_required,
            "description": "The same key and body have one effect and get the same answer.",
            "schema": {
                "type": "string",
                "minLength": 1,
                "maxLength": KEY_LENGTH_MAX,
                "pattern": "^[!-~]+$",
            },
        }
    )


def _take_place(operation: dict[str, Any]) -> None:
    operation.setdefault("parameters", []).append(
        {
            "name": PLACE_HEADER,
            "in": "header",
            "required": False,
            "description": "The place of a 429 (queue_full), sent back with the same request.",
            "schema": {"type": "string", "maxLength": PLACE_LENGTH, "pattern": "^[!-~]*$"},
        }
    )

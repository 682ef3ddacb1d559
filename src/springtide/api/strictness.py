"""Requests read strictly, on every route: JSON in its own types, parameters in one spelling."""

import re
from datetime import date, datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Literal, get_args, get_origin

import msgspec
from litestar import Request
from litestar.connection import ASGIConnection
from litestar.exceptions import NotFoundException
from litestar.handlers import BaseRouteHandler, HTTPRouteHandler
from litestar.params import ParameterKwarg
from litestar.types import Empty

from springtide.kit import reading
from springtide.kit.errors import N_, Invalid, Refusal
from springtide.kit.reading import BadField

_READERS: dict[type, tuple[Any, str]] = {
    bool: (reading.truth, N_("Write true or false.")),
    int: (reading.whole, N_("Write a whole number, such as 20.")),
    datetime: (reading.instant, reading.INSTANT_TOLD),
    date: (reading.day, N_("Write a day, such as 2026-11-11.")),
}
_LISTS = (list, tuple, set, frozenset, dict)
_ESCAPED = re.compile(rb"%[0-9A-Fa-f]{2}")


class BadChoice(Refusal):
    """A word that is none of those which a parameter takes."""

    code = "bad_choice"
    text = N_("Choose one of these: {choices}.")


class StrictRequest(Request[Any, Any, Any]):
    """A request whose JSON body is decoded to what its route takes: nothing is converted."""

    async def json(self) -> Any:
        """Return the body; raises MediaUnknown, BodyUnreadable or Invalid."""
        if self._json is Empty:
            headers = self.headers
            reading.refuse_other_media(
                headers.get("content-type", ""), headers.get("content-encoding", "")
            )
            decoder = _decoder(self.route_handler)
            self._json = reading.read_json(decoder, await self.body())
        return self._json


@lru_cache(maxsize=1_000)
def _decoder(handler: HTTPRouteHandler) -> msgspec.json.Decoder[Any]:
    field = handler.parsed_data_field
    return msgspec.json.Decoder(Any if field is None else field.raw)


def check_parameters(connection: ASGIConnection[Any, Any, Any, Any], handler: Any) -> None:
    """Refuse (Invalid, NotFoundException) numbers, truths and times in another spelling.

    The framework's own conversion takes 5.0 and 1e2 for whole numbers in a query, 1_0 or digits of
    other scripts in a path, "null" for no choice, and the last of what is said several times.
    """
    query = connection.scope["query_string"]
    if query and not _is_utf8(query):
        raise reading.BodyUnreadable(why=N_("its address is not UTF-8"))
    segments = connection.scope["path"].split("/")
    for value in connection.path_params.values():
        if isinstance(value, int) and str(value) not in segments:
            raise NotFoundException
    problems: dict[str, Refusal] = {}
    for name, kind in _single_parameters(handler):
        texts = connection.query_params.getall(name, [])
        if len(texts) > 1:
            problems[name] = BadField(why=N_("Say it once."))
        elif texts and (problem := _problem_of(texts[0], kind)):
            problems[name] = problem
    if problems:
        raise Invalid(problems)


def _problem_of(text: str, kind: Any) -> Refusal | None:
    choices = _choices(kind)
    # The framework takes "null" for nothing, which would ask for all instead of none.
    if choices and text not in choices:
        return BadChoice(choices=", ".join(choices))
    if kind in _READERS:
        read, told = _READERS[kind]
        return BadField(why=told) if read(text) is None else None
    return None


def _choices(kind: Any) -> tuple[str, ...]:
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return tuple(kind)
    return get_args(kind) if get_origin(kind) is Literal else ()


@lru_cache(maxsize=1_000)
def _single_parameters(handler: BaseRouteHandler) -> list[tuple[str, Any]]:
    """Return the parameters of a route's query that are said once, with the type of each."""
    found = []
    for name, field in handler.parsed_fn_signature.parameters.items():
        kinds = [field.annotation, *(inner.annotation for inner in field.inner_types)]
        kind = next((each for each in kinds if _is_single(each)), None)
        if kind is not None and not any(get_origin(each) in _LISTS for each in kinds):
            told = field.kwarg_definition
            alias = (told.query or told.name) if isinstance(told, ParameterKwarg) else None
            found.append((alias or name, kind))
    return found


def _is_single(kind: Any) -> bool:
    return kind is str or kind in _READERS or bool(_choices(kind))


def _is_utf8(query: bytes) -> bool:
    raw = _ESCAPED.sub(lambda found: bytes([int(found[0][1:], 16)]), query)
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True

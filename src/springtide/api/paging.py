"""Cursor pagination: closed cursors, which tell nothing; no offset, so that pages do not shift."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

import msgspec
from litestar.params import QueryParameter

from springtide.bootstrap import House
from springtide.kit.errors import N_, Refusal
from springtide.kit.seals import close, unclose

Item = TypeVar("Item")

LIMIT_MAX = 200
#: The query parameters of a list: ``limit: Limit = 50, cursor: Cursor = None``.
Limit = Annotated[int, QueryParameter(ge=1, le=LIMIT_MAX, description="How many items, 1 to 200.")]
Cursor = Annotated[
    str | None,
    QueryParameter(max_length=2000, description="The `next_cursor` of the page before."),
]


class BadCursor(Refusal):
    """A cursor that this list did not hand out."""

    code = "bad_cursor"
    status = 400
    text = N_("This cursor is not one of this list: start again without it.")


class Page(msgspec.Struct, Generic[Item]):
    """One page of a list; ``next_cursor`` is null on the last one."""

    items: list[Item]
    next_cursor: str | None


def write_cursor(house: House, *, scope: str, position: Any) -> str:
    """Return the cursor for a position (plain JSON) in the list ``scope``.

    ``scope`` names the list with its shop and filters: a cursor serves no other list.
    """
    return close(house.settings.secret, _purpose(scope), msgspec.json.encode(position))


def read_cursor(house: House, *, scope: str, cursor: str | None) -> Any:
    """Return the position of a cursor, None for the first page; refuses others (BadCursor)."""
    if not cursor:
        return None
    said = unclose(house.settings.secret, _purpose(scope), cursor)
    if said is None:
        raise BadCursor
    return msgspec.json.decode(said)


def page_of(
    house: House,
    *,
    scope: str,
    rows: Sequence[Item],
    limit: int,
    position: Callable[[Item], Any],
) -> tuple[list[Item], str | None]:
    """Cut ``limit`` + 1 rows to a page and the cursor of the next one, None at the end."""
    items = list(rows[:limit])
    if len(rows) <= limit:
        return items, None
    return items, write_cursor(house, scope=scope, position=position(items[-1]))


def _purpose(scope: str) -> bytes:
    return b"cursor:" + scope.encode()

"""What the columns of a shop's own tables mean: mappings saved under names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Select, delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from springtide.domain.imports import store
from springtide.kit.errors import N_, Conflict, Invalid, NotFound, Refusal
from springtide.kit.ids import outward, uuid7
from springtide.kit.text import text_problem

NAME_LENGTH_MAX = 80
MAPPINGS_MAX = 200
_TABLE = store.mappings


class NameTaken(Conflict):
    """Another mapping of the shop has this name."""

    code = "mapping_name_taken"
    text = N_("Another mapping is called “{name}” already.")


class TooManyMappings(Refusal):
    """A shop with as many mappings as it may keep."""

    code = "too_many_mappings"
    text = N_("A shop keeps at most {most} mappings: delete one first.")


@dataclass(frozen=True, slots=True)
class SavedMapping:
    """A mapping under its name; ``header`` is that of the table it was said for."""

    id: UUID
    name: str
    document: Mapping[str, Any]
    header: tuple[str, ...]
    changed_at: datetime

    def fits(self, row: Sequence[str]) -> bool:
        """Whether a row of a table holds the columns of this mapping's header and no others."""
        return bool(self.header) and set(self.header) == {cell for cell in row if cell}


def saved_mappings(tx: Connection, *, shop_id: UUID) -> list[SavedMapping]:
    """Return a shop's mappings by their names."""
    return [_read(row) for row in tx.execute(_of(shop_id).order_by(_TABLE.c.name)).mappings()]


def mapping_of(tx: Connection, *, shop_id: UUID, mapping_id: UUID) -> SavedMapping:
    """Return one mapping of a shop (``NotFound``)."""
    row = tx.execute(_of(shop_id).where(_TABLE.c.id == mapping_id)).mappings().one_or_none()
    if row is None:
        raise NotFound(what=N_("mapping"), key=outward("map", mapping_id))
    return _read(row)


def mapping_named(tx: Connection, *, shop_id: UUID, name: str) -> SavedMapping | None:
    """Return the mapping of a shop with this name; None without one."""
    row = tx.execute(_of(shop_id).where(_TABLE.c.name == name.strip())).mappings().one_or_none()
    return _read(row) if row else None


def save_mapping(
    tx: Connection,
    *,
    shop_id: UUID,
    name: str,
    document: Mapping[str, Any],
    header: Sequence[str],
    now: datetime,
) -> SavedMapping:
    """Save a checked mapping; one of the same name is replaced."""
    name = _checked(name)
    values = {"document": dict(document), "header": list(header), "changed_at": now}
    known = mapping_named(tx, shop_id=shop_id, name=name)
    if known:
        tx.execute(update(_TABLE).where(_TABLE.c.id == known.id).values(**values))
        return mapping_of(tx, shop_id=shop_id, mapping_id=known.id)
    count = tx.execute(
        select(func.count()).select_from(_TABLE).where(_TABLE.c.shop_id == shop_id)
    ).scalar_one()
    if count >= MAPPINGS_MAX:
        raise TooManyMappings(most=MAPPINGS_MAX)
    mapping_id = uuid7(now)
    tx.execute(insert(_TABLE).values(id=mapping_id, shop_id=shop_id, name=name, **values))
    return mapping_of(tx, shop_id=shop_id, mapping_id=mapping_id)


def rename_mapping(
    tx: Connection, *, shop_id: UUID, mapping_id: UUID, name: str, now: datetime
) -> None:
    """Give a mapping another name (``NameTaken``, ``NotFound``)."""
    name = _checked(name)
    mapping_of(tx, shop_id=shop_id, mapping_id=mapping_id)
    try:
        with tx.begin_nested():
            tx.execute(
                update(_TABLE).where(_TABLE.c.id == mapping_id).values(name=name, changed_at=now)
            )
    except IntegrityError as error:
        raise NameTaken(name=name) from error


def remove_mapping(tx: Connection, *, shop_id: UUID, mapping_id: UUID) -> SavedMapping:
    """Delete a mapping and return what it was; facts that it brought stay."""
    found = mapping_of(tx, shop_id=shop_id, mapping_id=mapping_id)
    tx.execute(delete(_TABLE).where(_TABLE.c.id == mapping_id))
    return found


def _of(shop_id: UUID) -> Select[Any]:
    return select(_TABLE).where(_TABLE.c.shop_id == shop_id)


def _checked(name: str) -> str:
    name = name.strip()
    problem = text_problem(name, length_max=NAME_LENGTH_MAX, is_needed=True)
    if problem:
        raise Invalid({"name": problem})
    return name


def _read(row: Mapping[Any, Any]) -> SavedMapping:
    return SavedMapping(
        row["id"], row["name"], row["document"], tuple(row["header"]), row["changed_at"]
    )

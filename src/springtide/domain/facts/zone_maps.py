"""Between which ids the facts of each file lie: an import looks only where its own may be.

Numbers of orders rise with time, so a file of today meets the months before it nowhere. The
ranges stand beside the lake, one small file for each of its own; one that is missing is made anew.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from springtide.domain.facts import fact_ids

if TYPE_CHECKING:
    from springtide.domain.facts.lake import File, Lake

ZoneMap = dict[str, tuple[str, str]]

_ORDERS = "of orders "


def note(connection: duckdb.DuckDBPyConnection, lake: "Lake", file: Path) -> dict[str, ZoneMap]:
    """Write down the ranges of a file of the lake, by source; return them."""
    rows = connection.execute(_query("read_parquet($file)"), {"file": str(file)}).fetchall()
    found: dict[str, ZoneMap] = {}
    for source, group, first, last in rows:
        found.setdefault(source, {})[group] = (first, last)
    place = _place(lake, file)
    place.parent.mkdir(parents=True, exist_ok=True)
    half = place.with_suffix(".part")
    half.write_text(json.dumps(found), encoding="utf-8")
    os.replace(half, place)
    return found


def may_hold(
    connection: duckdb.DuckDBPyConnection,
    lake: "Lake",
    files: Sequence["File"],
    source: str,
    *,
    with_orders: bool,
) -> list["File"]:
    """Return the files that may hold facts of ``emitted``, of a source, by their ids.

    ``with_orders`` asks for the other facts of the same orders too.
    """
    if not files:
        return []
    rows = connection.execute(_query("emitted")).fetchall()
    wanted = {
        group: (first, last)
        for told, group, first, last in rows
        if told == source and (with_orders or not group.startswith(_ORDERS))
    }
    found = []
    for file in files:
        held = _ranges(connection, lake, lake.table / file.path).get(source, {})
        if any(
            group in held and first <= held[group][1] and held[group][0] <= last
            for group, (first, last) in wanted.items()
        ):
            found.append(file)
    return found


def forget(lake: "Lake", files: Sequence["File"]) -> None:
    """Remove the ranges of files that are no longer in the lake."""
    kept = {Path(file.path).stem for file in files}
    for place in (lake.folder / "ids").glob("*.json"):
        if place.stem not in kept:
            place.unlink(missing_ok=True)


def _ranges(connection: duckdb.DuckDBPyConnection, lake: "Lake", file: Path) -> dict[str, ZoneMap]:
    try:
        document = json.loads(_place(lake, file).read_text(encoding="utf-8"))
        return {
            source: {group: (first, last) for group, (first, last) in ranges.items()}
            for source, ranges in document.items()
        }
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return note(connection, lake, file)


def _query(relation: str) -> str:
    return (
        f"select source, {fact_ids.RISING_GROUP} as part, min(external_id), max(external_id) "
        f"from {relation} "
        "group by all union all "
        f"select source, '{_ORDERS}' || least(length(order_key), 99) as part, "
        f"min(order_key), max(order_key) from {relation} where order_key is not null group by all"
    )


def _place(lake: "Lake", file: Path) -> Path:
    return lake.folder / "ids" / f"{file.stem}.json"

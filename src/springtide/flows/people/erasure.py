"""Erasing a customer: the key goes wherever it stands, another that means nothing takes its place.

Sums stay as they are. Every part may run again after a kill: the old key is known until all is
done, and a part that is done finds nothing left to do.
"""

import csv
import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

from sqlalchemy import text

from springtide.domain.access.act import Act
from springtide.domain.access.audited import AuditAction, AuditGroup
from springtide.domain.access.model import Actor, Shop
from springtide.domain.access.operations import rewriting_audit
from springtide.domain.catalog.queries import products_by_keys
from springtide.domain.customers.erasing import Erasure, begin_erasure, erasure, forget_customer
from springtide.domain.facts.erasing import rename_in_lake
from springtide.domain.facts.lake import scan
from springtide.domain.facts.sealing import sweep
from springtide.domain.imports.queries import imports
from springtide.domain.orders.queries import orders_by_keys
from springtide.flows.people.personal_data import PLACES, TOGETHER, Swap, rename, rows_naming
from springtide.flows.timeline import planning
from springtide.flows.timeline.action import Surroundings
from springtide.kit.errors import N_
from springtide.kit.places import within

#: Recorded by whoever gives the file out.
HELD_TAKEN = AuditAction(
    "customer.held", N_("All that is held of a customer taken out"), AuditGroup.CUSTOMERS
)

KIND = "erase_customer"
GONE = "erased"
# What comes in with the old key meanwhile is looked for again, so often.
_ROUNDS = 4
_IMPORTS_MAX = 1_000_000
_FACTS_MAX = 200_000
# A SQLite file up to this size is written anew at once; it stands still for some seconds.
_VACUUM_BYTES_MAX = 500_000_000


def ask(
    house: Surroundings, shop: Shop, *, key: str, block: bool, actor: Actor, at_once: bool = False
) -> Erasure:
    """Erase a customer: by the worker, or ``at_once`` before this returns. Raises NotFound."""
    real_now = house.real_now()
    if not at_once:
        return house.db.run(
            lambda tx: ask_within(
                Act(tx, shop, actor, house.now(shop), real_now), key=key, block=block
            )
        )
    found = house.db.run(
        lambda tx: begin_erasure(Act(tx, shop, actor, real_now, real_now), key=key, block=block)
    )
    erase(house, shop, erasure_id=found.id)
    return found


def ask_within(act: Act, *, key: str, block: bool) -> Erasure:
    """Hand an erasure to the worker, in a transaction of the caller's. Raises NotFound."""
    found = begin_erasure(act, key=key, block=block)
    planning.enqueue(act, kind=KIND, params={"erasure": found.key}, target=found.key)
    return found


def erase(
    house: Surroundings,
    shop: Shop,
    *,
    erasure_id: UUID,
    checkpoint: Callable[[], None] = lambda: None,
) -> None:
    """Do what of an erasure is not done yet; again changes nothing."""
    with house.db.read() as tx:
        found = erasure(tx, shop_id=shop.id, erasure_id=erasure_id)
    if found.old_key is not None:
        swap = Swap(
            {found.old_key: found.new_key} | ({found.old_email: GONE} if found.old_email else {}),
            is_shared=_is_shared(house, shop, found.old_key),
        )
        for _ in range(_ROUNDS):
            if not _rename_all(house, shop, found, swap, checkpoint):
                break
        _clean_files(house, shop, swap)
        checkpoint()
        with house.db.write() as tx:
            forget_customer(tx, shop=shop, found=found, now=house.real_now())
    checkpoint()
    sweep(house.db, house.lake, retention_hours=0)
    _vacuum(house)


def held(house: Surroundings, shop: Shop, *, key: str) -> dict[str, Any]:
    """Return all that is kept of a customer, by place, as texts, numbers and documents."""
    swap = Swap({key: GONE})
    told: dict[str, Any] = {}
    with house.db.read() as tx:
        for name in PLACES:
            if name == "audit_log":
                continue
            rows = [before for _, before, _ in rows_naming(tx, name, shop=shop, swap=swap)]
            if rows:
                told[name] = rows
    files = [file for file in house.lake.snapshot().files if file.shop == shop.slug]
    if files:
        connection = house.lake.connect()
        try:
            found = connection.execute(
                "select * replace (cast(occurred_at as varchar) as occurred_at) "
                f"from {scan(house.lake.locate(files))} where customer_key = $key "
                f"order by occurred_at limit {_FACTS_MAX}",
                {"key": key},
            )
            names = [column[0] for column in found.description or ()]
            told["facts"] = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        finally:
            connection.close()
    return told


def _is_shared(house: Surroundings, shop: Shop, key: str) -> bool:
    """Tell whether an order or a product of the shop has the customer's key."""
    with house.db.read() as tx:
        named = products_by_keys(tx, shop_id=shop.id, keys=[key])
        return bool(named or orders_by_keys(tx, shop_id=shop.id, keys=[key]))


def _rename_all(
    house: Surroundings,
    shop: Shop,
    found: Erasure,
    swap: Swap,
    checkpoint: Callable[[], None],
) -> int:
    changed = 0
    for names in [TOGETHER, *((name,) for name in PLACES if name not in TOGETHER)]:
        checkpoint()
        with house.db.read() as tx:
            if not any(next(rows_naming(tx, name, shop=shop, swap=swap), None) for name in names):
                continue
        with house.db.write() as tx:
            if tx.dialect.name == "sqlite":
                tx.execute(text("pragma secure_delete = on"))
            if names == ("audit_log",):
                with rewriting_audit(tx, house.real_now()):
                    changed += rename(tx, "audit_log", shop=shop, swap=swap)
            else:
                changed += sum(rename(tx, name, shop=shop, swap=swap) for name in names)
    checkpoint()
    assert found.old_key is not None
    return changed + rename_in_lake(
        house.db, house.lake, shop=shop.slug, old=found.old_key, new=found.new_key
    )


def _clean_files(house: Surroundings, shop: Shop, swap: Swap) -> None:
    """Take the person's rows out of the files of refused rows, and their letters out of the sink.

    Uploaded files themselves are gone with their import, or a day after.
    """
    with house.db.read() as tx:
        found = imports(tx, shop_id=shop.id, limit=_IMPORTS_MAX)
    for each in found:
        if each.rejects_file:
            path = within(house.settings.rejects, Path(each.rejects_file).name)
            if path.is_file():
                _without(path, swap)
    if house.settings.mailbox.is_dir():
        for letter in house.settings.mailbox.rglob("*"):
            if letter.is_file() and _mentions(letter, swap):
                letter.unlink(missing_ok=True)


def _without(path: Path, swap: Swap) -> None:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    kept = [row for row in rows if all(swap.text(cell) == cell for cell in row)]
    if len(kept) == len(rows):
        return
    written = io.StringIO()
    csv.writer(written).writerows(kept)
    half = path.with_suffix(".part")
    half.write_text(written.getvalue(), encoding="utf-8-sig", newline="")
    os.replace(half, path)


def _mentions(letter: Path, swap: Swap) -> bool:
    content = letter.read_bytes()
    return any("@" in old and old.encode() in content for old in swap.names)


def _vacuum(house: Surroundings) -> None:
    """Let the database forget the bytes of rows that are gone, as far as that holds nobody up."""
    engine = house.db.engine
    if engine.dialect.name != "sqlite":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for name in PLACES:
                connection.exec_driver_sql(f'vacuum "{name}"')
        return
    place = Path(str(engine.url.database))
    if place.stat().st_size > _VACUUM_BYTES_MAX:
        return
    raw = engine.raw_connection()
    try:
        raw.execute("vacuum")
        raw.execute("pragma wal_checkpoint(truncate)")
    finally:
        raw.close()

"""State and lake agree: the state knows which table it sealed into, and exactly what is in it.

A commit to the lake is written down in the state before it is made, with the set of files that
the table will have, and as made afterwards, in the transaction that takes the sealed rows out of
the tail. So at any moment the table is as the state knows it or as the state expects it next;
anything else is a log that is missing, emptied, shortened, altered or of another installation, or
a state that was put back from an old copy, and then nothing is read, written or deleted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from sqlalchemy import Connection

from springtide.domain.facts import store
from springtide.domain.facts.lake import File, Lake, Snapshot
from springtide.kit.db import Database
from springtide.kit.errors import N_, Refusal

#: Looks at a lake that others write to meanwhile, before it is judged by what cannot go back.
_LOOKS = 20


class LakeDisagrees(Refusal):
    """The lake is not the one that the state knows."""

    code = "lake_disagrees"
    status = 503
    text = N_(
        "The facts in {place} are not those that the database knows. Put back the folder that "
        "belongs to this database, or restore a backup (springtide restore). Nothing was changed."
    )


class LakeMissing(LakeDisagrees):
    """There is no table, though facts were sealed."""

    code = "lake_missing"
    text = N_(
        "The table of facts in {place} is missing or its log is empty, though the database knows "
        "of facts there. Put back the folder that belongs to this database, or restore a backup "
        "(springtide restore). Nothing was changed."
    )


class LakeForeign(LakeDisagrees):
    """The table is one of another installation, or was made anew."""

    code = "lake_foreign"
    text = N_(
        "The table of facts in {place} is another one than the database knows ({found}, not "
        "{known}). Put back the folder that belongs to this database, or restore a backup "
        "(springtide restore). Nothing was changed."
    )


class LakeOlder(LakeDisagrees):
    """The table has lost commits: an older copy, or a shortened log."""

    code = "lake_older"
    text = N_(
        "The facts in {place} are older than the database: they stand at version {found}, and the "
        "database knows version {known}. Put back the newer folder, or restore a backup "
        "(springtide restore). Nothing was changed."
    )


class StateOlder(LakeDisagrees):
    """The table has commits that the state never heard of: the state is an old copy."""

    code = "state_older"
    text = N_(
        "The database is older than the facts in {place}: it knows version {known}, and they "
        "stand at version {found}. Put back the newer database, or restore a backup, which holds "
        "both as they belong together (springtide restore). Nothing was changed."
    )


class StateEmpty(LakeDisagrees):
    """There are facts, and the state never took one in: it is new, was emptied, or is another."""

    code = "state_empty"
    text = N_(
        "There are facts in {place}, and the database has never taken in a fact: it is new, was "
        "emptied, or is another one. Put back the database that belongs to this folder, or restore "
        "a backup, which holds both as they belong together (springtide restore). No fact was "
        "changed."
    )


class LakeAltered(LakeDisagrees):
    """The table's version is right, and what it lists is not."""

    code = "lake_altered"
    text = N_(
        "The log of the facts in {place} was altered: at version {known} it lists other files "
        "than the database knows. Put back the folder that belongs to this database, or restore a "
        "backup (springtide restore). Nothing was changed."
    )


class FilesMissing(LakeDisagrees):
    """The log names files that are not on the disk, or not as they were written."""

    code = "lake_files_missing"
    text = N_(
        "{count} files of facts are missing or cut short in {place}, the first is {file}. Put "
        "them back, or restore a backup (springtide restore). Nothing was changed."
    )


class TailLost(LakeDisagrees):
    """Facts that were appended are neither in the state nor in the lake."""

    code = "lake_lacks_facts"
    text = N_(
        "Facts that the database has taken in are neither in it nor in {place}: the lake is older "
        "than the database, or another one. Put back the folder that belongs to this database, or "
        "restore a backup (springtide restore). Nothing was changed."
    )


@dataclass(frozen=True, slots=True)
class Known:
    """What the state knows of the lake's table, and the commit that it may find made next."""

    table_id: str
    version: int
    digest: str
    sealed_seq: int
    swept_version: int
    next_version: int | None
    next_digest: str | None
    next_sealed_seq: int | None
    next_paths: Sequence[str] | None

    FIELDS: ClassVar[tuple[str, ...]] = (
        "table_id", "version", "digest", "sealed_seq", "swept_version",
        "next_version", "next_digest", "next_sealed_seq", "next_paths",
    )  # fmt: skip


_NO_NEXT: Mapping[str, Any] = {
    "next_version": None, "next_digest": None, "next_sealed_seq": None, "next_paths": None,
}  # fmt: skip


def known(tx: Connection) -> Known | None:
    """Return what the state knows of the lake; None before it has met a table."""
    row = store.lake_row(tx)
    return Known(**{name: row[name] for name in Known.FIELDS}) if row else None


def adopt(tx: Connection, lake: Lake, found: Snapshot) -> None:
    """Write down a table that the state has met for the first time; refuses one that lacks facts.

    The last ``seq`` given, and the newest version of every fact that came through the tail, are in
    the tail or sealed; where they are not, this is not the table that they were sealed into.
    """
    last = store.last_seq(tx)
    # Facts of a file never had a seq, so that nothing was sealed says nothing of them.
    if found.files and not last and not store.has_files(tx):
        raise StateEmpty(place=lake.folder)
    if found.sealed_seq > last:
        raise StateOlder(place=lake.folder, known=last, found=found.sealed_seq)
    is_lost = last > found.sealed_seq and not store.is_in_tail(tx, last)
    if is_lost or store.count_lost(tx, found.sealed_seq):
        raise (LakeMissing if found.version <= 0 else TailLost)(place=lake.folder)
    store.forget_sealed(tx, found.sealed_seq)
    store.note_lake(tx, **_values(found), swept_version=-1, **_NO_NEXT)


def expect(
    tx: Connection, *, version: int, digest: str, sealed_seq: int, paths: Sequence[str]
) -> None:
    """Write down the commit that is about to be made."""
    store.note_lake(
        tx, next_version=version, next_digest=digest, next_sealed_seq=sealed_seq,
        next_paths=list(paths),
    )  # fmt: skip


def give_up(tx: Connection) -> None:
    """Write down that the commit that was about to be made was not."""
    store.note_lake(tx, **_NO_NEXT)


def settle(tx: Connection, found: Snapshot) -> None:
    """Write down the commit that was made, and take what it sealed out of the tail."""
    store.note_lake(tx, **_values(found), **_NO_NEXT)
    store.forget_sealed(tx, found.sealed_seq)


def note_swept(tx: Connection, version: int) -> None:
    """Write down up to which version the files that commits removed are deleted."""
    store.note_lake(tx, swept_version=version)


def is_next(known: Known, found: Snapshot) -> bool:
    """Tell whether a table is the expected next one."""
    return (
        known.next_version is not None
        and found.table_id == known.table_id
        and (found.version, found.digest, found.sealed_seq)
        == (known.next_version, known.next_digest, known.next_sealed_seq)
    )


def compare(lake: Lake, known: Known, found: Snapshot) -> None:
    """Refuse a table that is neither as the state knows it nor as it expects it next."""
    place = lake.folder
    if found.version < 0:
        raise LakeMissing(place=place)
    if found.table_id != known.table_id:
        raise LakeForeign(place=place, found=found.table_id, known=known.table_id)
    if is_next(known, found):
        return
    if found.version < known.version:
        raise LakeOlder(place=place, found=found.version, known=known.version)
    if found.version > known.version:
        raise StateOlder(place=place, found=found.version, known=known.version)
    if (found.digest, found.sealed_seq) != (known.digest, known.sealed_seq):
        raise LakeAltered(place=place, known=known.version)


def hold(lake: Lake, known: Known | None, found: Snapshot) -> None:
    """Refuse a table that a reader, who read the state first, cannot have found.

    Others write meanwhile, so it may be newer; it is never older, and never another.
    """
    if known is None:
        return
    if found.version in (known.version, known.next_version) or found.version < known.version:
        compare(lake, known, found)
    elif found.table_id != known.table_id:
        raise LakeForeign(place=lake.folder, found=found.table_id, known=known.table_id)
    elif found.sealed_seq < known.sealed_seq:
        raise LakeAltered(place=lake.folder, known=known.version)


def check(database: Database, lake: Lake) -> None:
    """Refuse (LakeDisagrees) a lake that does not agree with the state, or that lacks files.

    Also while others write: it is judged by two looks at the state between which nothing moved.
    """
    for _ in range(_LOOKS):
        with database.read() as tx:
            before = known(tx)
        found = lake.look_again()
        missing = absent(lake, found.files)
        with database.read() as tx:
            after = known(tx)
        if before == after:
            break
    if before is None:
        # Met under the writer's lock, at the first writing at the latest.
        if found.version < 0:
            with database.read() as tx:
                refuse_unless_new(tx, lake)
        return
    hold(lake, before, found)
    if before == after:
        compare(lake, before, found)
    if missing:
        raise FilesMissing(count=len(missing), place=lake.table, file=missing[0].path)


def absent(lake: Lake, files: Sequence[File]) -> list[File]:
    """Return the files that are not on the disk with their size."""
    return [file for file in files if not _has(lake, file)]


def _has(lake: Lake, file: File) -> bool:
    try:
        return (lake.table / file.path).stat().st_size == file.size
    except OSError:
        return False


def refuse_unless_new(tx: Connection, lake: Lake) -> None:
    """Refuse to begin a table where the state has sealed facts, or files of facts lie."""
    last = store.last_seq(tx)
    is_lost = bool(last) and not store.is_in_tail(tx, last)
    if is_lost or has_files(lake) or store.count_lost(tx, 0):
        raise LakeMissing(place=lake.folder)


def has_files(lake: Lake) -> bool:
    """Tell whether files of facts lie in the lake's folder."""
    return next(lake.table.glob("shop=*/month=*/*.parquet"), None) is not None


def _values(found: Snapshot) -> dict[str, Any]:
    return {
        "table_id": found.table_id,
        "version": found.version,
        "digest": found.digest,
        "sealed_seq": found.sealed_seq,
    }

"""The facts' tables in the state database: the tail, its keys, its counter, and the imports."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from operator import attrgetter
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Integer,
    RowMapping,
    String,
    Table,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)

from springtide.domain.facts.model import KEY_LENGTH_MAX, Fact
from springtide.kit.bulk import columns_of, insert_rows
from springtide.kit.db import Instant, Json, metadata

# Keys asked for in one statement: below the parameter limit of both databases.
CHUNK = 900

#: New facts, until the sealer has moved them to the lake. ``seq`` is the order of commit.
tail = Table(
    "fact_tail",
    metadata,
    Column("seq", BigInteger, primary_key=True, autoincrement=False),
    Column("shop", String(KEY_LENGTH_MAX), nullable=False),
    Column("kind", String(40), nullable=False),
    Column("occurred_at", Instant, nullable=False),
    Column("source", String(KEY_LENGTH_MAX), nullable=False),
    Column("external_id", String(KEY_LENGTH_MAX), nullable=False),
    Column("version", Integer, nullable=False),
    Column("visitor_key", String(KEY_LENGTH_MAX)),
    Column("customer_key", String(KEY_LENGTH_MAX)),
    Column("product_key", String(KEY_LENGTH_MAX)),
    Column("sku_key", String(KEY_LENGTH_MAX)),
    Column("order_key", String(KEY_LENGTH_MAX)),
    Column("quantity", Integer, nullable=False),
    Column("amount_minor", BigInteger, nullable=False),
    Column("discount_minor", BigInteger, nullable=False),
    Column("source_path", String(KEY_LENGTH_MAX)),
    Column("campaign_key", String(KEY_LENGTH_MAX)),
    Column("reference", String(KEY_LENGTH_MAX)),
    Column("props", Json, nullable=False),
    Column("appended_at", Instant, nullable=False),
)

#: The newest version of every fact that came through the tail, with a hash of its content.
keys = Table(
    "fact_keys",
    metadata,
    Column("shop", String(KEY_LENGTH_MAX), primary_key=True),
    Column("source", String(KEY_LENGTH_MAX), primary_key=True),
    Column("external_id", String(KEY_LENGTH_MAX), primary_key=True),
    Column("version", Integer, nullable=False),
    Column("content_hash", String(32), nullable=False),
    Column("seq", BigInteger, nullable=False),
)

#: One row, "tail": the last ``seq`` given. Its row lock puts appends in the order of commit.
counters = Table(
    "fact_counters",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

#: One row, "facts": what the state knows of the table in the lake, so that another one, or one
#: that lost something, is not taken for it. ``digest`` tells its set of files; ``next_*`` is the
#: commit that is about to be made, whose files are ``next_paths``. The files that versions up to
#: ``swept_version`` removed are gone.
lakes = Table(
    "fact_lake",
    metadata,
    Column("name", String(20), primary_key=True),
    Column("table_id", String(64), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("sealed_seq", BigInteger, nullable=False),
    Column("swept_version", BigInteger, nullable=False),
    Column("next_version", BigInteger),
    Column("next_digest", String(64)),
    Column("next_sealed_seq", BigInteger),
    Column("next_paths", Json),
)

#: How a source's facts come in: ``tail`` (one by one) or ``file``. A source never has both ways,
#: so versions are settled in one place: ``fact_keys`` or the lake.
sources = Table(
    "fact_sources",
    metadata,
    Column("shop", String(KEY_LENGTH_MAX), primary_key=True),
    Column("source", String(KEY_LENGTH_MAX), primary_key=True),
    Column("way", String(20), nullable=False),
)


_TAKE = (
    update(counters)
    .where(counters.c.name == "tail")
    .values(value=counters.c.value + bindparam("count"))
    .returning(counters.c.value)
)


def lock_tail(tx: Connection) -> int:
    """Hold back other appends till this transaction ends; return the last ``seq`` given."""
    value = tx.execute(
        select(counters.c.value).where(counters.c.name == "tail").with_for_update()
    ).scalar_one()
    return int(value)


def take_seqs(tx: Connection, count: int) -> int:
    """Hold back other appends and take numbers; return the last ``seq`` before them."""
    value = tx.execute(_TAKE, {"count": count}).scalar_one()
    return int(value) - count


def last_seq(tx: Connection) -> int:
    """Return the last ``seq`` given."""
    return int(tx.execute(select(counters.c.value).where(counters.c.name == "tail")).scalar_one())


def set_last_seq(tx: Connection, seq: int) -> None:
    """Note the last ``seq`` given."""
    tx.execute(update(counters).where(counters.c.name == "tail").values(value=seq))


def find_keys(
    tx: Connection, shop: str, source: str, external_ids: Sequence[str]
) -> dict[str, RowMapping]:
    """Return the known keys among some external ids."""
    found = {}
    for start in range(0, len(external_ids), CHUNK):
        chunk = external_ids[start : start + CHUNK]
        rows = tx.execute(
            select(keys).where(
                keys.c.shop == shop, keys.c.source == source, keys.c.external_id.in_(chunk)
            )
        ).mappings()
        found.update({row["external_id"]: row for row in rows})
    return found


def add(tx: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert rows in one statement."""
    names = [column.name for column in columns_of(table)]
    insert_rows(tx, table, [[row.get(name) for name in names] for row in rows])


def add_fresh(tx: Connection, facts: Sequence[Fact], *, after: int, now: datetime) -> None:
    """Insert facts into the tail as they are, numbered after a ``seq``."""
    rows = [(seq, *_values(fact), now) for seq, fact in enumerate(facts, after + 1)]
    insert_rows(tx, tail, rows)


def has_files(tx: Connection) -> bool:
    """Tell whether facts of any file ever came in."""
    query = select(sources.c.source).where(sources.c.way == "file").limit(1)
    return tx.execute(query).first() is not None


_values = attrgetter(*(column.name for column in tail.columns if hasattr(Fact, column.name)))


def change_keys(tx: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Set version, hash and seq of known keys."""
    values = [{f"k_{name}": value for name, value in row.items()} for row in rows]
    if values:
        tx.execute(
            update(keys)
            .where(
                keys.c.shop == bindparam("k_shop"),
                keys.c.source == bindparam("k_source"),
                keys.c.external_id == bindparam("k_external_id"),
            )
            .values(
                version=bindparam("k_version"),
                content_hash=bindparam("k_content_hash"),
                seq=bindparam("k_seq"),
            ),
            values,
        )


def forget_seqs(tx: Connection, seqs: Sequence[int]) -> None:
    """Delete rows of the tail that a newer version replaces."""
    for start in range(0, len(seqs), CHUNK):
        tx.execute(delete(tail).where(tail.c.seq.in_(seqs[start : start + CHUNK])))


def forget_sealed(tx: Connection, seq: int) -> int:
    """Delete the rows of the tail up to a ``seq``; return how many."""
    return tx.execute(delete(tail).where(tail.c.seq <= seq)).rowcount


def rows_after(tx: Connection, seq: int, limit: int | None = None) -> list[Mapping[str, Any]]:
    """Return the tail's rows after a ``seq``, in order."""
    query = select(tail).where(tail.c.seq > seq).order_by(tail.c.seq).limit(limit)
    return [dict(row) for row in tx.execute(query).mappings()]


def lake_row(tx: Connection) -> RowMapping | None:
    """Return what the state knows of the lake's table; None where it has met none."""
    return tx.execute(select(lakes).where(lakes.c.name == "facts")).mappings().one_or_none()


def note_lake(tx: Connection, **values: Any) -> None:
    """Write down what the state knows of the lake's table."""
    done = tx.execute(update(lakes).where(lakes.c.name == "facts").values(**values))
    if not done.rowcount:
        tx.execute(insert(lakes).values(name="facts", **values))


def is_in_tail(tx: Connection, seq: int) -> bool:
    """Tell whether the tail holds a ``seq``."""
    return tx.execute(select(tail.c.seq).where(tail.c.seq == seq)).first() is not None


def count_lost(tx: Connection, sealed_seq: int) -> int:
    """Return how many newest versions are neither in the tail nor sealed up to a ``seq``."""
    here = select(tail.c.seq).where(tail.c.seq == keys.c.seq).exists()
    query = select(func.count()).select_from(keys).where(keys.c.seq > sealed_seq, ~here)
    return int(tx.execute(query).scalar_one())


def taken_in(tx: Connection) -> dict[tuple[str, str], int]:
    """Return how many facts whose ids are remembered came in, of each shop and source."""
    query = select(keys.c.shop, keys.c.source, func.count()).group_by(keys.c.shop, keys.c.source)
    return {(shop, source): int(count) for shop, source, count in tx.execute(query)}

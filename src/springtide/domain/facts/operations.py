"""Writing facts: append to the tail, seal the tail into the lake, keep the lake tidy."""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select, tuple_

from springtide.domain.facts import store
from springtide.domain.facts.model import COLUMNS, OWN_SOURCES, Appended, Fact, check
from springtide.domain.facts.sealing import Tended, compact, seal, sweep, tend
from springtide.kit.canonical import to_json
from springtide.kit.db import insert_into
from springtide.kit.errors import N_, Refusal

__all__ = [
    "Tended",
    "append",
    "append_once",
    "claim_sources",
    "compact",
    "seal",
    "sweep",
    "tend",
]

# What makes two versions of a fact differ, beside instant and props.
_NAMING = ("shop", "source", "external_id", "version")
_CONTENT = tuple(name for name in COLUMNS if name not in (*_NAMING, "occurred_at", "props"))


class SourceTaken(Refusal):
    """A source's facts come either one by one or from files, never both ways."""

    code = "source_taken"
    status = 409
    text = N_("The source {source} of shop {shop} is already fed another way ({way}).")


def append(
    tx: Connection, facts: Sequence[Fact], *, now: datetime, keep_first: bool = False
) -> Appended:
    """Append facts to the tail: durable and visible when the caller's transaction commits.

    The same external id with the same content is unchanged; with other content it becomes the
    next version, unless ``keep_first`` leaves what is known. About six statements whatever the
    number of facts. The counter's row is locked first, so transactions that append wait for each
    other: append late in a transaction.
    """
    if not facts:
        return Appended()
    for fact in facts:
        check(fact)
    claim_sources(tx, {(fact.shop, fact.source) for fact in facts}, way="tail")
    last = store.lock_tail(tx)
    batch = _Batch(_known(tx, facts), last, keep_first)
    for fact in facts:
        batch.take(fact, now)
    store.forget_seqs(tx, batch.replaced)
    store.add(tx, store.tail, list(batch.rows.values()))
    store.add(tx, store.keys, [batch.keys[key] for key in batch.fresh])
    store.change_keys(tx, [batch.keys[key] for key in batch.touched])
    if batch.last != last:
        store.set_last_seq(tx, batch.last)
    return Appended(batch.new, batch.changed, len(facts) - batch.new - batch.changed)


def append_once(tx: Connection, facts: Sequence[Fact], *, now: datetime) -> None:
    """Append facts of our own that never came before and never come again.

    Their ids are not remembered, so nothing can correct them: for what the caller's own tables
    already keep single, such as movements of the ledger.
    """
    if not facts:
        return
    for fact in facts:
        check(fact)
    store.add_fresh(tx, facts, after=store.take_seqs(tx, len(facts)), now=now)


def claim_sources(tx: Connection, pairs: Iterable[tuple[str, str]], *, way: str) -> None:
    """Note how facts of (shop, source) come in; refuse a source that has the other way."""
    foreign = sorted(pair for pair in pairs if pair[1] not in OWN_SOURCES)
    if not foreign:
        return
    table = store.sources
    named = select(table).where(tuple_(table.c.shop, table.c.source).in_(foreign))
    known = {(row.shop, row.source): row.way for row in tx.execute(named)}
    missing = [pair for pair in foreign if pair not in known]
    if missing:
        # Another transaction may be first with it at this moment: then it is known by now.
        rows = [{"shop": shop, "source": source, "way": way} for shop, source in missing]
        tx.execute(insert_into(tx, table).on_conflict_do_nothing(), rows)
        known = {(row.shop, row.source): row.way for row in tx.execute(named)}
    for shop, source in foreign:
        if known[shop, source] != way:
            raise SourceTaken(shop=shop, source=source, way=known[shop, source])


Key = tuple[str, str, str]


@dataclass
class _Batch:
    """What one append will write, settled fact by fact."""

    keys: dict[Key, dict[str, Any]]
    last: int
    keep_first: bool = False
    rows: dict[Key, dict[str, Any]] = field(default_factory=dict)
    fresh: dict[Key, None] = field(default_factory=dict)
    touched: dict[Key, None] = field(default_factory=dict)
    replaced: list[int] = field(default_factory=list)
    new: int = 0
    changed: int = 0

    def take(self, fact: Fact, now: datetime) -> None:
        key = (fact.shop, fact.source, fact.external_id)
        known = self.keys.get(key)
        content_hash = _content_hash(fact)
        if known is not None and (self.keep_first or known["content_hash"] == content_hash):
            return
        self.last += 1
        if known is None:
            self.new += 1
            self.fresh[key] = None
        else:
            self.changed += 1
            if key not in self.fresh:
                self.touched[key] = None
                self.replaced.append(known["seq"])
        version = known["version"] + 1 if known else 1
        row = {name: getattr(fact, name) for name in COLUMNS}
        row |= {"seq": self.last, "version": version, "appended_at": now}
        row["props"] = dict(fact.props)
        self.rows[key] = row
        self.keys[key] = {
            "shop": fact.shop,
            "source": fact.source,
            "external_id": fact.external_id,
            "version": version,
            "content_hash": content_hash,
            "seq": self.last,
        }


def _known(tx: Connection, facts: Sequence[Fact]) -> dict[Key, dict[str, Any]]:
    ids: dict[tuple[str, str], dict[str, None]] = defaultdict(dict)
    for fact in facts:
        ids[(fact.shop, fact.source)][fact.external_id] = None
    return {
        (shop, source, external_id): dict(row)
        for (shop, source), group in ids.items()
        for external_id, row in store.find_keys(tx, shop, source, list(group)).items()
    }


def _content_hash(fact: Fact) -> str:
    content = [getattr(fact, name) for name in _CONTENT]
    content += [fact.occurred_at.astimezone(UTC).isoformat(), dict(fact.props)]
    return hashlib.blake2b(to_json(content).encode(), digest_size=16).hexdigest()

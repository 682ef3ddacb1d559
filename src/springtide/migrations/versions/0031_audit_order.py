"""The audit log stands in the order of commit, and tells the shop's time beside the real one.

On SQLite one transaction writes at a time, so the row is numbered as it is written. PostgreSQL
numbers it last of all in its transaction, under a lock that is held until the commit is seen by
everybody: a lower number is never seen later than a higher one, and nothing is locked after it.
"""

import sqlalchemy as sa
from alembic import op

from springtide.kit.db import Instant

revision = "0031"
down_revision = "0030"

# Any number that no other advisory lock of ours has.
_LOCK = 7_231_031
_NEXT = "(select coalesce(max(seq), 0) + 1 from audit_log)"
_MARK = "00000000000000000000000000000031"


def upgrade() -> None:
    """Add the columns, number what is there, and let the database number what comes."""
    op.add_column("audit_log", sa.Column("seq", sa.BigInteger))
    op.add_column("audit_log", sa.Column("shop_at", Instant))
    _number_what_is_there()
    op.create_index("ix_audit_log_seq", "audit_log", ["seq"], unique=True)
    op.create_index("ix_audit_log_shop_id_seq", "audit_log", ["shop_id", "seq"])
    if op.get_bind().dialect.name == "sqlite":
        _number_on_sqlite()
    else:
        _number_on_postgresql()


def _number_what_is_there() -> None:
    # As the rows lie, which is how they came: nothing was ever deleted between them.
    op.execute(f"insert into audit_erasing (id) values ('{_MARK}')")
    if op.get_bind().dialect.name == "sqlite":
        op.execute("update audit_log set seq = rowid")
    else:
        op.execute(
            "update audit_log set seq = numbered.seq from "
            "(select id, row_number() over (order by ctid) as seq from audit_log) numbered "
            "where audit_log.id = numbered.id"
        )
    op.execute(f"delete from audit_erasing where id = '{_MARK}'")


def _number_on_sqlite() -> None:
    op.execute("drop trigger audit_log_no_update")
    op.execute(
        "create trigger audit_log_no_update before update on audit_log "
        "when old.seq is not null and not exists (select 1 from audit_erasing) "
        "begin select raise(abort, 'the audit log is append-only'); end"
    )
    op.execute(
        "create trigger audit_log_in_order after insert on audit_log when new.seq is null "
        f"begin update audit_log set seq = {_NEXT} where id = new.id; end"
    )


def _number_on_postgresql() -> None:
    op.execute(
        "create or replace function audit_log_is_append_only() returns trigger language plpgsql "
        "as $$ begin if tg_op = 'UPDATE' and "
        "(old.seq is null or exists (select 1 from audit_erasing)) then "
        "return new; end if; raise exception 'the audit log is append-only'; end $$"
    )
    op.execute(
        "create function audit_log_in_order() returns trigger language plpgsql as $$ begin "
        f"perform pg_advisory_xact_lock({_LOCK}); "
        f"update audit_log set seq = {_NEXT} where id = new.id; return null; end $$"
    )
    op.execute(
        "create constraint trigger audit_log_in_order after insert on audit_log "
        "deferrable initially deferred for each row when (new.seq is null) "
        "execute function audit_log_in_order()"
    )

#!/usr/bin/env bash
# One would guess: time_bucket of one day and date_trunc('day') agree; both know the session's zone.
# What happens: for a TIMESTAMPTZ date_trunc goes by the session's zone and time_bucket by UTC. In
#   Shanghai a bucket of a day, week or month begins at 08:00; 3 o'clock on 11 November falls into the
#   10th, and the first 8 hours of a Monday into the week before. Buckets of 1 or 2 hours agree.
# Why it matters to a shop: the first hours after midnight, the busiest of a sale, are counted on the
#   eve; the hourly chart beside it, made by the same function, is right.
# Seen with: duckdb 2.0.0, Python 3.11.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install duckdb==2.0.0 pytz==2026.6
run_python <<'EOF'
import duckdb

database = duckdb.connect()
database.execute("set timezone = 'Asia/Shanghai'")


def one(expression, at):
    return database.execute(f"select ({expression})::varchar from (select ?::timestamptz as t)",
                            [at]).fetchone()[0]


night, monday = "2026-11-11 03:00:00+08", "2026-11-09 03:00:00+08"
seen("date_trunc day", one("date_trunc('day', t)", night), "2026-11-11 00:00:00+08")
seen("time_bucket day", one("time_bucket(interval 1 day, t)", night), "2026-11-10 08:00:00+08")
seen("date_trunc week", one("date_trunc('week', t)", monday), "2026-11-09 00:00:00+08")
seen("time_bucket week", one("time_bucket(interval 7 days, t)", monday), "2026-11-02 08:00:00+08")
seen("time_bucket month", one("time_bucket(interval 1 month, t)", "2026-11-01 03:00:00+08"),
     "2026-10-01 08:00:00+08")
seen("time_bucket 2 hours", one("time_bucket(interval 2 hours, t)", night),
     "2026-11-11 02:00:00+08")
seen("time_bucket day, with the zone", one("time_bucket(interval 1 day, t, 'Asia/Shanghai')", night),
     "2026-11-11 00:00:00+08")
EOF

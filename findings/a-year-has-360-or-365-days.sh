#!/usr/bin/env bash
# One would guess: "one year" that passes from a database or from JSON into Python stays a year, or is
#   refused, since Python's timedelta knows no years.
# What happens: DuckDB's INTERVAL 1 YEAR arrives as 360 days (12 months of 30), pydantic reads the
#   ISO duration P1Y as 365 days but P12M as 360, and the rate limiter "limits" takes a year for 360
#   days and a month for 30. Added inside DuckDB the same interval is a calendar year.
# Why it matters to a shop: a membership or a coupon "valid for a year" ends on 6 or 11 November instead
#   of the 11th, by the side that computes it; "once a year" can be had again five days early.
# Seen with: duckdb 2.0.0, pydantic 2.14.4, limits 5.8.0, Python 3.11.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install duckdb==2.0.0 pydantic==2.14.4 limits==5.8.0
run_python <<'EOF'
from datetime import date, timedelta

import duckdb
import limits
from pydantic import TypeAdapter

start = date(2026, 11, 11)
year, month = duckdb.execute("select interval 1 year, interval 1 month").fetchone()
seen("DuckDB, fetched", (year.days, month.days), (360, 30))
seen("added in Python", str(start + year), "2027-11-06")
seen("added in DuckDB", duckdb.execute("select (? + interval 1 year)::date::varchar",
                                       [start]).fetchone()[0], "2027-11-11")
duration = TypeAdapter(timedelta)
seen("pydantic P1Y, P12M, P1M", [duration.validate_python(text).days for text in ("P1Y", "P12M", "P1M")],
     [365, 360, 30])
seen("limits, in days", [limits.parse(text).get_expiry() // 86400
                         for text in ("1/year", "1/month", "1 per 12 months")], [360, 30, 360])
EOF

#!/usr/bin/env bash
# One would guess: a series of months that begins on the 31st gives the last day of each month, as
#   adding one, two, three months to that day does.
# What happens: each step is added to the one before, so the first short month shortens all that come
#   after: 31 January, 28 February, 28 March, ... 28 December. From the 30th it is the same; from the
#   29th it depends on whether the year is a leap year. Adding n months to the first day keeps the 31st.
# Why it matters to a shop: the last days of months (settlement, points that lapse, the ends of monthly
#   campaigns) made as one series are three days early from March on, and a join on them finds nothing.
# Seen with: duckdb 2.0.1, Python 3.11.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install duckdb==2.0.1
run_python <<'EOF'
import duckdb

database = duckdb.connect()


def days(query):
    return [row[0].strftime("%m-%d") for row in database.execute(query).fetchall()]


def series(start, end):
    return days(f"select unnest(generate_series(date '{start}', date '{end}', interval 1 month))")


seen("series from the 31st", series("2027-01-31", "2027-06-30"),
     ["01-31", "02-28", "03-28", "04-28", "05-28", "06-28"])
seen("series from the 29th", series("2027-01-29", "2027-04-30"), ["01-29", "02-28", "03-28", "04-28"])
seen("series from the 29th of a leap year", series("2028-01-29", "2028-04-30"),
     ["01-29", "02-29", "03-29", "04-29"])
seen("n months after the 31st",
     days("select date '2027-01-31' + to_months(n) from (select unnest([0, 1, 2, 3, 4, 5]) as n)"),
     ["01-31", "02-28", "03-31", "04-30", "05-31", "06-30"])
EOF

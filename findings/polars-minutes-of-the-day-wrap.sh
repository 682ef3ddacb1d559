#!/usr/bin/env bash
# One would guess: hour * 60 + minute of a column of times is the minute of the day, 1215 at 20:15.
# What happens: polars gives hours, minutes, months and days as 8-bit integers, and a literal takes
#   the type of the column, so the product wraps at 127 without a word. 20:15 is -65, 03:00 is -76,
#   and 11 November as month * 100 + day is 87. 02:00 is still right (120). pandas and DuckDB give
#   1215. dt.week() * 10 wraps alike.
# Why it matters to a shop: curves by minute of the day and keys such as 1111 are made this way. The
#   first two hours of a test day are right; the evening of the sale falls on numbers that exist, too.
# Seen with: polars 2.1.0, pandas 3.1.1, duckdb 2.0.0, Python 3.11.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install polars==2.1.0 pandas==3.1.1 duckdb==2.0.0
run_python <<'EOF'
from datetime import datetime

import duckdb
import pandas as pd
import polars as pl

times = [datetime(2026, 11, 11, hour, minute) for hour, minute in ((2, 0), (3, 0), (20, 15))]
column = pl.Series("at", times)
seen("polars, minute of the day", (column.dt.hour() * 60 + column.dt.minute()).to_list(),
     [120, -76, -65])
seen("its type", str(column.dt.hour().dtype), "Int8")
seen("polars, month * 100 + day", (column.dt.month() * 100 + column.dt.day()).to_list(), [87] * 3)
seen("polars, week * 10", (column.dt.week() * 10).to_list(), [-52] * 3)
pandas = pd.Series(times)
seen("pandas", (pandas.dt.hour * 60 + pandas.dt.minute).tolist(), [120, 180, 1215])
seen("DuckDB", duckdb.execute("select hour(t) * 60 + minute(t) from (select unnest(?) t)",
                              [times]).fetchall(), [(120,), (180,), (1215,)])
seen("polars, cast first", (column.dt.hour().cast(pl.Int32) * 60 + column.dt.minute()).to_list(),
     [120, 180, 1215])
EOF

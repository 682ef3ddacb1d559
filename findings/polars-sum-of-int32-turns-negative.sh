#!/usr/bin/env bash
# One would guess: a sum is wide enough for its column. polars widens 8 and 16 bits to 64 for that,
#   NumPy, pandas, pyarrow and DuckDB widen 32 bits as well.
# What happens: polars keeps a sum of Int32 in Int32. Above 2,147,483,647 it goes on from the other
#   end, in select, group_by and Series alike. In cents that is 21,474,836.47. A sum of Int16, the
#   narrower type, is right. An INTEGER column of a database or of Parquet arrives as Int32.
# Why it matters to a shop: takings of the night turn negative in the hour in which they pass 21
#   million yuan, or wrap twice and look like a modest night; on every smaller day they are right.
# Seen with: polars 2.1.0, pyarrow 26.0.1, duckdb 2.0.0, numpy 2.4.6, Python 3.11.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install polars==2.1.0 pyarrow==26.0.1 duckdb==2.0.0 numpy==2.4.6
run_python <<'EOF'
import duckdb
import numpy as np
import polars as pl
import pyarrow.compute as pc

database = duckdb.connect()
database.execute("create table orders as select 1_500_000_000::integer as cents from range(2)")
arrow = database.sql("select cents from orders").to_arrow_table()
orders = pl.from_arrow(arrow)
seen("type in polars", str(orders.schema["cents"]), "Int32")
seen("polars", orders.select(pl.col("cents").sum()).item(), -1294967296)
seen("polars, grouped", orders.group_by(pl.lit("all")).agg(pl.col("cents").sum())["cents"].item(),
     -1294967296)
seen("DuckDB", database.execute("select sum(cents) from orders").fetchone()[0], 3_000_000_000)
seen("pyarrow", pc.sum(arrow["cents"]).as_py(), 3_000_000_000)
seen("numpy", int(np.array([1_500_000_000] * 2, dtype="int32").sum()), 3_000_000_000)
seen("polars, of 16 bits", pl.Series([30_000] * 3, dtype=pl.Int16).sum(), 90_000)
EOF

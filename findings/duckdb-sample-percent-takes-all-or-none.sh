#!/usr/bin/env bash
# One would guess: USING SAMPLE 10% takes each row with a chance of one in ten.
# What happens: it takes whole blocks of 2,048 rows with that chance. A table of 2,000 customers gives
#   either nobody or all 2,000; of 20,000 it gives some number of whole blocks. "10% (bernoulli)"
#   decides row by row, and a number of rows instead of a percentage is exact.
# Why it matters to a shop: a control group or a test mailing of one tenth reaches everybody in one run
#   out of ten, and has nobody in it in the other nine; neighbours in the table share their fate.
# Seen with: duckdb 2.0.0, Python 3.11.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install duckdb==2.0.0
run_python <<'EOF'
import duckdb

database = duckdb.connect()
database.execute("create table customers as select range as id from range(2000)")
database.execute("create table many as select range as id from range(20480)")


def sizes(table, sample):
    query = f"select count(*) from {table} using sample {sample}"
    return {database.execute(query).fetchone()[0] for _ in range(200)}


seen("10% of 2,000, in 200 tries", sorted(sizes("customers", "10%")), [0, 2000])
seen("10% of 20,480, over whole blocks of 2,048", {size % 2048 for size in sizes("many", "10%")}, {0})
rows = sizes("customers", "10% (bernoulli)")
seen("row by row, all between 120 and 280", 120 < min(rows) and max(rows) < 280, True)
seen("200 rows", sizes("customers", "200 rows"), {200})
EOF

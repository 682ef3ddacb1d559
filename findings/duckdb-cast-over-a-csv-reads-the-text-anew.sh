#!/usr/bin/env bash
# One would guess: a CSV column that the reader takes for a DOUBLE is a DOUBLE; casting it gives the same
#   in a query over the file and in one over a table made of the file. And sorting changes no values.
# What happens: where a query needs the column only cast, the cast goes into the reader and the text is
#   read as that type at once: 2.5 as an integer is 3 (text rounds away from zero), and 2.50 as a text
#   keeps its last digit. With the column beside its cast, a sum or a sort in between, or over a table or
#   Parquet file of the same rows the DOUBLE is cast: 2.5 is 2 (to the even neighbour), the text is 2.5.
#   typeof() says DOUBLE in both.
# Why it matters to a shop: points of half a yuan each tried over the file are not those that the same
#   query gives once the file is loaded, on every second half; prices joined as texts stop to match when
#   somebody adds a column to the query.
# Seen with: duckdb 2.0.1, Python 3.11.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install duckdb==2.0.1
run_python <<'EOF'
from pathlib import Path

import duckdb

Path("paid.csv").write_text("paid\n0.50\n1.50\n2.50\n3.50\n")
database = duckdb.connect()
database.execute("create table loaded as from 'paid.csv'")


def column(query):
    return [row[0] for row in database.execute(query).fetchall()]


seen("types", column("select typeof(paid) from 'paid.csv' union all select typeof(paid) from loaded"),
     ["DOUBLE"] * 8)
seen("as integers, over the file", column("select paid::int from 'paid.csv'"), [1, 2, 3, 4])
seen("as integers, over the table", column("select paid::int from loaded"), [0, 2, 2, 4])
seen("as integers, over the file, sorted within",
     column("select paid::int from (select paid from 'paid.csv' order by paid)"), [0, 2, 2, 4])
seen("as integers, over the file, beside itself",
     column("select paid::int, paid from 'paid.csv'"), [0, 2, 2, 4])
seen("as texts, over the file", column("select paid::varchar from 'paid.csv'"),
     ["0.50", "1.50", "2.50", "3.50"])
seen("as texts, over the table", column("select paid::varchar from loaded"),
     ["0.5", "1.5", "2.5", "3.5"])
EOF

#!/usr/bin/env bash
# One would guess: a table made from a list of records has every key that occurs, or the call says
#   that a record has a key too many.
# What happens: pyarrow's Table.from_pylist takes the keys of the FIRST record, polars' from_dicts
#   and DataFrame those of the first 100. Keys that come later are dropped from all records without
#   an error. pyarrow's array of the same records has both keys, pandas has them, too.
# Why it matters to a shop: events and orders carry optional keys. If the first order of a batch used
#   no coupon, no order of that batch has one in the lake; with polars the small batch of a test is
#   right and the large one of the sale is not.
# Seen with: pyarrow 26.0.1, polars 2.1.0, pandas 3.1.1, Python 3.11.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install pyarrow==26.0.1 polars==2.1.0 pandas==3.1.1
run_python <<'EOF'
import pandas as pd
import polars as pl
import pyarrow as pa

orders = [{"order": 1}, {"order": 2, "coupon": "SPRING"}]
seen("pyarrow table", pa.Table.from_pylist(orders).column_names, ["order"])
seen("pyarrow table, the other way round", pa.Table.from_pylist(orders[::-1]).column_names,
     ["order", "coupon"])
seen("pyarrow array", [field.name for field in pa.array(orders).type], ["order", "coupon"])
seen("pandas", list(pd.DataFrame(orders)), ["order", "coupon"])
seen("polars, second of 2", pl.from_dicts(orders).columns, ["order", "coupon"])
late = [{"order": number} for number in range(100)] + [{"order": 100, "coupon": "SPRING"}]
seen("polars, 101st of 101", pl.from_dicts(late).columns, ["order"])
seen("polars DataFrame", pl.DataFrame(late).columns, ["order"])
seen("polars, told to look at all", pl.from_dicts(late, infer_schema_length=None).columns,
     ["order", "coupon"])
EOF

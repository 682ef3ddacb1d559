#!/usr/bin/env bash
# One would guess: the difference of two counts may be negative, as it is with len() in Python.
# What happens: in polars a count (len, n_unique, count, a sum of booleans, rank, the length of a
#   text) is an unsigned 32-bit integer, and so is the difference of two of them, or of one and a
#   literal: 1 - 3 is 4294967294. diff() of the very same column gives the signed -2.
# Why it matters to a shop: "coupons claimed less coupons given out", "visitors today less yesterday"
#   or "stock less sold" are right while they grow and become four billion when they fall; a check
#   "less than 0" never fires and a sort by the change puts the worst shop first.
# Seen with: polars 2.1.0, Python 3.11.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install polars==2.1.0
run_python <<'EOF'
import polars as pl

facts = pl.DataFrame({"sold": [1, None, None], "returned": [1, 2, 3], "paid": [True, False, False]})
sold, returned = pl.col("sold"), pl.col("returned")
seen("count - count", facts.select(sold.count() - returned.count()).item(), 4294967294)
seen("distinct - distinct", facts.select(returned.n_unique() - 5).item(), 4294967294)
seen("rows - 10", facts.select(pl.len() - 10).item(), 4294967289)
seen("sum of booleans - 2", facts.select(pl.col("paid").sum() - 2).item(), 4294967295)

days = pl.DataFrame({"day": [10, 10, 10, 11]}).group_by("day").len().sort("day")
seen("visits less the day before, by shift",
     days.select(pl.col("len") - pl.col("len").shift(1)).to_series().to_list(), [None, 4294967294])
seen("visits less the day before, by diff",
     days.select(pl.col("len").diff()).to_series().to_list(), [None, -2])
EOF

#!/usr/bin/env bash
# One would guess: the CSV of a list of objects has a column for every key, as SheetJS writes it.
# What happens: PapaParse's unparse takes the keys of the first object alone. A key that only later
#   objects have is left out of the file, without an error or a warning.
# Why it matters to a shop: "download as CSV" in a back office is often this call. If the newest order
#   has no coupon or no remark, the file has no such column at all; sorted the other way it has.
# Seen with: papaparse 5.7.1, xlsx 0.18.5, Node 20.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
npm_install papaparse@5.7.1 xlsx@0.18.5
run_node <<'EOF'
const Papa = require("papaparse");
const xlsx = require("xlsx");
const orders = [{ order: 1, yuan: "19.90" }, { order: 2, yuan: "8.00", coupon: "SPRING" }];
seen("papaparse", Papa.unparse(orders), "order,yuan\r\n1,19.90\r\n2,8.00");
seen("papaparse, newest first", Papa.unparse([...orders].reverse()),
  "order,yuan,coupon\r\n2,8.00,SPRING\r\n1,19.90,");
seen("SheetJS", xlsx.utils.sheet_to_csv(xlsx.utils.json_to_sheet(orders)).trim(),
  "order,yuan,coupon\n1,19.90,\n2,8.00,SPRING");
EOF

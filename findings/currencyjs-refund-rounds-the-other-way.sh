#!/usr/bin/env bash
# One would guess: a money library rounds a refund as it rounded the sale, so that the two cancel out;
#   and a text that is no plain number is refused or NaN.
# What happens: currency.js rounds halves towards plus infinity: 1.005 is 1.01, -1.005 is -1.00. A text
#   is stripped of what is no digit, point or minus: "1.5E+03", as spreadsheets write 1500, is 1.50,
#   "1e3" is 13, and "1.299,00" is 1.30.
# Why it matters to a shop: half of the refunds of shares of a discount differ from the sale by a cent,
#   always to the same side; and a price list that went through a spreadsheet sells 1,500 for 1.50.
# Seen with: currency.js 2.0.4, Node 20.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
npm_install currency.js@2.0.4
run_node <<'EOF'
const currency = require("currency.js");
seen("sale", currency(1.005).value, 1.01);
seen("refund", currency(-1.005).value, -1);
seen("sale and refund", currency(1.005).add(currency(-1.005)).value, 0.01);
seen("half of 0.05 and of -0.05", [currency(0.05).divide(2).value, currency(-0.05).divide(2).value], [0.03, -0.02]);
seen("texts", ["1.5E+03", "1e3", "1.299,00", "1,299.00"].map((text) => currency(text).value),
  [1.5, 13, 1.3, 1299]);
EOF

#!/usr/bin/env bash
# One would guess: Babel on the server and Intl in the browser print one amount alike; both follow CLDR.
# What happens: Intl rounds a half away from zero, Babel to the even digit. 1.005 is 1.01 in the
#   browser, 1.00 from Babel; 0.125 is 0.13 and 0.12. toFixed of the same browser goes by the binary
#   value and says 1.00 and 0.13, so a page has two answers of its own.
# Why it matters to a shop: a price per piece or a share of a discount (three decimals) is a cent
#   higher on the part of the page that the browser writes than in the mail or in the server's part.
# Seen with: Babel 2.19.0, Python 3.11; Node 20 (V8's Intl).
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install Babel==2.19.0
run_python <<'EOF'
from decimal import Decimal

from babel.numbers import format_decimal

for amount, expected in (("1.005", "1.00"), ("0.125", "0.12"), ("1.025", "1.02"), ("1.015", "1.02")):
    seen(f"Babel {amount}", format_decimal(Decimal(amount), "0.00", locale="zh_CN"), expected)
EOF
run_node <<'EOF'
const two = new Intl.NumberFormat("zh-CN", { minimumFractionDigits: 2, maximumFractionDigits: 2 });
for (const [amount, intl, fixed] of [[1.005, "1.01", "1.00"], [0.125, "0.13", "0.13"],
  [1.025, "1.03", "1.02"], [1.015, "1.02", "1.01"]]) {
  seen(`Intl ${amount}`, two.format(amount), intl);
  seen(`toFixed ${amount}`, amount.toFixed(2), fixed);
}
EOF

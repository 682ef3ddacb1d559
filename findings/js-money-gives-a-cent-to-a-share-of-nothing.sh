#!/usr/bin/env bash
# One would guess: a part whose share is 0 gets nothing when an amount is split.
# What happens: js-money and ts-money deal the cents that are left over from the first part on, shares
#   of 0 included: 1.01 over 0 : 50 : 50 becomes 0.01, 0.50, 0.50. dinero.js passes over the zero.
#   Negative amounts: the odd cent goes to the last part, not to the first, so a refund does not
#   mirror its sale line by line.
# Why it matters to a shop: a discount or a freight that is spread over the lines of an order gives
#   the free gift, which is often the first line, a price of one cent or a discount below zero.
# Seen with: js-money 0.6.3, ts-money 0.4.8, dinero.js 2.0.2, Node 20.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
npm_install js-money@0.6.3 ts-money@0.4.8 dinero.js@2.0.2
run_node <<'EOF'
const JsMoney = require("js-money");
const { Money, Currencies } = require("ts-money");
const dinero = require("dinero.js");
const amounts = (parts) => parts.map((part) => part.amount);
const js = (cents, shares) => amounts(new JsMoney(cents, JsMoney.CNY).allocate(shares));
const ts = (cents, shares) => amounts(new Money(cents, Currencies.CNY).allocate(shares));
const din = (cents, shares) => amounts(
  dinero.allocate(dinero.dinero({ amount: cents, currency: dinero.CNY }), shares).map(dinero.toSnapshot));
seen("js-money 101 over 0 : 50 : 50", js(101, [0, 50, 50]), [1, 50, 50]);
seen("ts-money", ts(101, [0, 50, 50]), [1, 50, 50]);
seen("dinero.js", din(101, [0, 50, 50]), [0, 51, 50]);
seen("js-money 100 over 1 : 1 : 1", js(100, [1, 1, 1]), [34, 33, 33]);
seen("js-money -100", js(-100, [1, 1, 1]), [-33, -33, -34]);
seen("dinero.js -100", din(-100, [1, 1, 1]), [-34, -33, -33]);
EOF

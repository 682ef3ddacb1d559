#!/usr/bin/env bash
# One would guess: a reader of Chinese dates that knows 11月11日晚上8点 knows 晚8点 as well, the shorter
#   and in notices more usual form; and 晚上12点 is midnight.
# What happens: chrono's zh reads the long form rightly as 20:00. Of 11月11日晚8点 it takes the date,
#   drops the rest without a sign and sets its usual hour: noon. 晚上12点 and 晚12点 are noon, too.
#   今晚8点 (tonight at 8) is right.
# Why it matters to a shop: "from 8 in the evening" is when sales open; read as noon they open eight
#   hours early, and "until 12 at night" closes half a day early.
# Seen with: chrono-node 2.10.3, Node 20.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
npm_install chrono-node@2.10.3
run_node <<'EOF'
const chrono = require("chrono-node");
const now = new Date(2026, 10, 1, 9, 0);
for (const [text, expected] of [
  ["11月11日晚上8点", "2026-11-11 20:00:00"], ["11月11日晚8点", "2026-11-11 12:00:00"],
  ["今晚8点", "2026-11-01 20:00:00"], ["11月10日晚上12点", "2026-11-10 12:00:00"],
  ["11月10日晚12点", "2026-11-10 12:00:00"], ["11月11日零点", "2026-11-11 00:00:00"]])
  seen(text, chrono.zh.parseDate(text, now).toLocaleString("sv"), expected);
seen("what was read of 11月11日晚8点", chrono.zh.parse("11月11日晚8点", now)[0].text, "11月11日");
EOF

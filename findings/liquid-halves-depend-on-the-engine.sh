#!/usr/bin/env bash
# One would guess: one Liquid template gives one text; the language is the shop platform's and small.
# What happens: the usual engines of Python and of JavaScript count differently. 5 divided by 2 is 2 in
#   python-liquid (whole numbers stay whole) and 2.5 in liquidjs. A half is rounded to the even number
#   by one and up by the other: 2.5 is 2 or 3, 1.005 to two places 1.0 or 1.01. 0.1 + 0.2 is 0.3 or
#   0.30000000000000004, and 8.5 times 10 is printed as 85.0 or 85.
# Why it matters to a shop: the mail is rendered on the server by one and its preview, or the page, in
#   the browser by the other: "you get 2.5 points" is approved, "2 points" is sent.
# Seen with: python-liquid 2.3.6, Python 3.11; liquidjs 10.30.1, Node 20.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install python-liquid==2.3.6
npm_install liquidjs@10.30.1
run_python <<'EOF'
from liquid import Environment

for template, expected in (("{{ 5 | divided_by: 2 }}", "2"), ("{{ 2.5 | round }}", "2"),
                           ("{{ 1.005 | round: 2 }}", "1.0"), ("{{ 0.1 | plus: 0.2 }}", "0.3"),
                           ("{{ 8.5 | times: 10 }}", "85.0"), ("{{ 3.5 | round }}", "4")):
    seen(f"python-liquid {template}", Environment().from_string(template).render(), expected)
EOF
run_node <<'EOF'
const { Liquid } = require("liquidjs");
const engine = new Liquid();
for (const [template, expected] of [["{{ 5 | divided_by: 2 }}", "2.5"], ["{{ 2.5 | round }}", "3"],
  ["{{ 1.005 | round: 2 }}", "1.01"], ["{{ 0.1 | plus: 0.2 }}", "0.30000000000000004"],
  ["{{ 8.5 | times: 10 }}", "85"], ["{{ 3.5 | round }}", "4"]])
  seen(`liquidjs ${template}`, engine.parseAndRenderSync(template), expected);
EOF

#!/usr/bin/env bash
# One would guess: a rule in JsonLogic, a format made for sharing rules between browser and server,
#   says the same in both.
# What happens: with the values that carts really hold the JavaScript and the Python library disagree.
#   An amount that came as a text: "300.00" == 300 and <= 300 are true in JavaScript and false in
#   Python. A total that is not there yet: "< 300" is true, and false. -7 % 3 is -1, and 2. Neither
#   raises.
# Why it matters to a shop: the cart shows a discount (or free freight) by the rule and the server,
#   with the rule letter by letter the same, does not grant it.
# Seen with: json-logic-js 2.0.5, Node 20; json-logic-qubit 0.9.1, Python 3.11.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install json-logic-qubit==0.9.1
npm_install json-logic-js@2.0.5
cat >rules.json <<'EOF'
[[{"==": [{"var": "total"}, 300]}, {"total": "300.00"}, true, false],
 [{"<=": [{"var": "total"}, 300]}, {"total": "300.00"}, true, false],
 [{"<": [{"var": "total"}, 300]}, {}, true, false],
 [{"%": [-7, 3]}, {}, -1, 2],
 [{">=": [{"var": "total"}, 300]}, {"total": 300}, true, true]]
EOF
run_node <<'EOF'
const logic = require("json-logic-js");
for (const [rule, cart, js] of require("./rules.json"))
  seen(`JavaScript ${JSON.stringify(rule)} of ${JSON.stringify(cart)}`, logic.apply(rule, cart), js);
EOF
run_python <<'EOF'
import json
from pathlib import Path

from json_logic import jsonLogic

for rule, cart, _, python in json.loads(Path("rules.json").read_text()):
    seen(f"Python {json.dumps(rule)} of {json.dumps(cart)}", jsonLogic(rule, cart), python)
EOF

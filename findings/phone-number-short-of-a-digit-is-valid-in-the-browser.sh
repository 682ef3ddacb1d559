#!/usr/bin/env bash
# One would guess: isValid() of libphonenumber-js answers as is_valid_number() of Python's
#   phonenumbers does; both come from one source of data.
# What happens: the import that everyone writes carries the small set of data, and isValid() then goes
#   by length alone. A Chinese mobile number with a digit too few or too many is valid, and so is one
#   of a range that does not exist. "libphonenumber-js/max" and Python say no to all three.
# Why it matters to a shop: the form takes the number, the buyer goes on, and the server or the sender
#   of text messages refuses it hours later: the code or the coupon never comes.
# Seen with: libphonenumber-js 1.13.16, Node 20; phonenumbers 9.0.43, Python 3.11.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install phonenumbers==9.0.43
npm_install libphonenumber-js@1.13.16
run_node <<'EOF'
const small = require("libphonenumber-js");
const full = require("libphonenumber-js/max");
for (const [number, expected] of [["13912345678", [true, true]], ["1391234567", [true, false]],
  ["12012345678", [true, false]], ["139123456789", [true, false]], ["139123", [false, false]]])
  seen(`${number}, small and full data`,
    [small, full].map((each) => each.parsePhoneNumberFromString(number, "CN")?.isValid() ?? false), expected);
EOF
run_python <<'EOF'
import phonenumbers

for number, expected in (("13912345678", True), ("1391234567", False), ("12012345678", False),
                         ("139123456789", False)):
    seen(f"{number}, Python", phonenumbers.is_valid_number(phonenumbers.parse(number, "CN")), expected)
EOF

#!/usr/bin/env bash
# One would guess: a value that is set on a class, or on a module's Final, from outside is either
#   refused by a compiled module or used by it.
# What happens: mypyc takes it, shows it, and goes on counting with the old one. After Cart.fee = 9
#   both Cart().fee and cart.fee say 9 from outside; the method in the same class adds 5. A module's
#   Final reads 90 and is applied as 85; a function that was replaced is still called in its old form.
#   A plain module variable is used with its new value.
# Why it matters to a shop: a setting at start-up, or a test that puts in another fee, sees its value
#   when it looks, and prices are made by another. Uncompiled all four are used.
# Seen with: mypy 2.4.1 (mypyc), setuptools 80.9.0, Python 3.11; needs a C compiler.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install mypy==2.4.1 setuptools==80.9.0
cat >price.py <<'EOF'
from typing import Final

RATE: Final = 85
FREE_FROM = 300


class Cart:
    fee: int = 5

    def due(self) -> int:
        return 100 + self.fee


def discount(total: int) -> int:
    return total * RATE // 100


def step(total: int) -> int:
    return 1


def steps(total: int) -> int:
    return step(total)


def free(total: int) -> bool:
    return total >= FREE_FROM
EOF
cat >ask.py <<'EOF'
import price

cart = price.Cart()
price.Cart.fee, price.RATE, price.FREE_FROM = 9, 90, 500
price.step = lambda total: 2
print((cart.fee, price.Cart().fee, price.RATE, price.step(0)), (cart.due(), price.Cart().due(), price.discount(100), price.steps(0)),
      price.free(400))
EOF
.venv/bin/python ask.py >plain.txt
quietly .venv/bin/mypyc price.py
.venv/bin/python ask.py >compiled.txt
run_python <<'EOF'
from pathlib import Path

seen("as it is", Path("plain.txt").read_text().strip(), "(9, 9, 90, 2) (109, 109, 90, 2) False")
seen("compiled", Path("compiled.txt").read_text().strip(), "(9, 9, 90, 2) (105, 105, 85, 1) False")
EOF

#!/usr/bin/env bash
# One would guess: compiled by mypyc a typed module gives what it gives uncompiled, or raises TypeError
#   where a value is not of its type.
# What happens: for "float" it does neither: whatever can be a float is made one at the call. A Decimal
#   loses its exactness, a whole number above 2**53 its last digits, and 3 becomes 3.0. In a dataclass
#   field the same. For "int" a Decimal or 3.0 is refused, as one would guess.
# Why it matters to a shop: a price search that is compiled for speed answers 0.30000000000000004 where
#   the same source, run by the tests without a compiler, answers 0.3; a replay of a price on a machine
#   without the compiled module is no longer equal, nor is "3" equal to "3.0" in what was stored.
# Seen with: mypy 2.4.1 (mypyc), setuptools 80.9.0, Python 3.11; needs a C compiler.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install mypy==2.4.1 setuptools==80.9.0
cat >price.py <<'EOF'
from dataclasses import dataclass


@dataclass
class Line:
    yuan: float


def add(a: float, b: float) -> float:
    return a + b


def key(order: float) -> float:
    return order


def pieces(count: int) -> int:
    return count
EOF
cat >ask.py <<'EOF'
from decimal import Decimal

import price


def pieces():
    try:
        return price.pieces(Decimal(3))
    except TypeError:
        return "TypeError"


answers = (price.add(Decimal("0.1"), Decimal("0.2")), price.key(9007199254740993), price.add(1, 2),
           price.Line(yuan=3), pieces())
print([str(answer) for answer in answers])
EOF
.venv/bin/python ask.py >plain.txt
quietly .venv/bin/mypyc price.py
.venv/bin/python ask.py >compiled.txt
run_python <<'EOF'
from pathlib import Path

seen("as it is", Path("plain.txt").read_text().strip(),
     "['0.3', '9007199254740993', '3', 'Line(yuan=3)', '3']")
seen("compiled", Path("compiled.txt").read_text().strip(),
     "['0.30000000000000004', '9007199254740992.0', '3.0', 'Line(yuan=3.0)', 'TypeError']")
EOF

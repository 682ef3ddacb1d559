#!/usr/bin/env bash
# One would guess: a function that hands an int through, or a frozen dataclass that keeps one, gives
#   back the object it got; True and members of an IntEnum are ints, and a type checker takes them.
# What happens: mypyc keeps an int as a bare number. What was True comes back as 1, a member of an
#   IntEnum as its number, out of a tuple as well. In JSON true becomes 1, in an f-string True becomes
#   1, and "is Kind.GIFT" is false. Passed as "int | None" or "int | str" they survive.
# Why it matters to a shop: a receipt or a fact that was written by the compiled module has other
#   bytes than one that was not: the comparison byte by byte fails, and readers that look for true,
#   or for the name of the kind, find a 1.
# Seen with: mypy 2.4.1 (mypyc), setuptools 80.9.0, Python 3.11; needs a C compiler.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install mypy==2.4.1 setuptools==80.9.0
cat >cart.py <<'EOF'
from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    kind: int


def through(kind: int) -> int:
    return kind


def pair(both: tuple[int, str]) -> tuple[int, str]:
    return both


def maybe(kind: int | None) -> int | None:
    return kind


def either(kind: int | str) -> int | str:
    return kind


def text(kind: int) -> str:
    return f"{kind}"
EOF
cat >ask.py <<'EOF'
import json
from enum import IntEnum

import cart


class Kind(IntEnum):
    GIFT = 1


print(json.dumps(cart.Line(True).kind), cart.Line(Kind.GIFT).kind is Kind.GIFT, repr(cart.through(Kind.GIFT)),
      cart.pair((True, "")), cart.maybe(True), cart.either(True), cart.text(True), sep=" | ")
EOF
.venv/bin/python ask.py >plain.txt
quietly .venv/bin/mypyc cart.py
.venv/bin/python ask.py >compiled.txt
run_python <<'EOF'
from pathlib import Path

seen("as it is", Path("plain.txt").read_text().strip(),
     "true | True | <Kind.GIFT: 1> | (True, '') | True | True | True")
seen("compiled", Path("compiled.txt").read_text().strip(),
     "1 | False | 1 | (1, '') | True | True | 1")
EOF

#!/usr/bin/env bash
# One would guess: the choices of a Literal or an Enum stand in the JSON Schema as they were written, as a list
#   of sizes or of a customer's steps is written in an order that means something.
# What happens: msgspec sorts them by their letters, and numbers by their value; pydantic keeps the order of
#   the very same type.
# Why it matters to a shop: forms and clients that are made from the schema offer "L, M, S, XL" and "cart, click,
#   pay, view"; the first choice, which most people leave, is another one than the code says.
# Seen with: msgspec 0.22.0, pydantic 2.14.4, Python 3.11.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install msgspec==0.22.0 pydantic==2.14.4
run_python <<'EOF'
from enum import Enum
from typing import Literal

import msgspec
from pydantic import TypeAdapter

Steps = Literal["view", "cart", "pay", "click"]
Size = Enum("Size", {name: name for name in ("S", "M", "L", "XL")}, type=str)


def of_msgspec(kind):
    schema = msgspec.json.schema(kind)
    return schema.get("enum") or next(iter(schema["$defs"].values()))["enum"]


seen("pydantic, a Literal", TypeAdapter(Steps).json_schema()["enum"], ["view", "cart", "pay", "click"])
seen("msgspec, the same", of_msgspec(Steps), ["cart", "click", "pay", "view"])
seen("pydantic, an Enum", TypeAdapter(Size).json_schema()["enum"], ["S", "M", "L", "XL"])
seen("msgspec, the same", of_msgspec(Size), ["L", "M", "S", "XL"])
seen("msgspec, numbers", of_msgspec(Literal[90, 30, 7]), [7, 30, 90])
EOF

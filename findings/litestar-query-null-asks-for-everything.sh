#!/usr/bin/env bash
# One would guess: a query parameter that is one of some words, or left out, refuses every other word;
#   "null" is a word like any other there, as an address has texts only.
# What happens: "null", in small or large letters, is taken for nothing: the filter is off, and the
#   answer is 200 with everything. Any other wrong word, an empty one too, is refused with 400. Of a
#   parameter that is a text, "null" is the text; of a whole number that may be left out it is nothing.
# Why it matters to a shop: JavaScript writes a variable that is empty into an address as "null". The
#   shop's page then shows all orders under the heading "paid", and a job that asks for "the ones to be
#   refunded" gets every one there is, and no error says so.
# Seen with: litestar 2.25.0, msgspec 0.23.0, Python 3.11.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install litestar==2.25.0 msgspec==0.23.0 httpx==0.28.1
run_python <<'EOF'
import logging
from enum import Enum
from typing import Literal

from litestar import Litestar, get
from litestar.testing import TestClient

logging.disable()


class Status(Enum):
    PLACED = "placed"
    PAID = "paid"


@get("/orders")
async def orders(status: Status | None = None) -> str:
    return "all" if status is None else status.value


@get("/words")
async def words(status: Literal["placed", "paid"] | None = None) -> str:
    return "all" if status is None else status


@get("/most")
async def most(limit: int | None = None) -> str:
    return "all" if limit is None else str(limit)


@get("/texts")
async def texts(buyer: str | None = None) -> str:
    return "all" if buyer is None else buyer


with TestClient(Litestar([orders, words, most, texts])) as client:
    def asked(address):
        answer = client.get(address)
        return answer.text if answer.status_code == 200 else answer.status_code

    for path in ("/orders", "/words"):
        seen(f"{path}?status=paid", asked(f"{path}?status=paid"), "paid")
        seen(f"{path}?status=null", asked(f"{path}?status=null"), "all")
        seen(f"{path}?status=NULL", asked(f"{path}?status=NULL"), "all")
        seen(f"{path}?status=none", asked(f"{path}?status=none"), 400)
        seen(f"{path}?status=undefined", asked(f"{path}?status=undefined"), 400)
        seen(f"{path}?status=", asked(f"{path}?status="), 400)
    seen("/most?limit=null", asked("/most?limit=null"), "all")
    seen("/texts?buyer=null", asked("/texts?buyer=null"), "null")
EOF

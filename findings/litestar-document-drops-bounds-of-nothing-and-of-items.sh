#!/usr/bin/env bash
# One would guess: the OpenAPI document that a web framework writes from the types has the bounds that
#   it holds requests to: what is refused as out of bounds is out of bounds in the document too.
# What happens: "at least 1, or left out" is in the document, "at least 0, or left out" is not: there a
#   bound of nothing counts as no bound. Nor are bounds of what stands in a list, or under the names of
#   an object, whatever they are. All are enforced: -1 is answered with 400. The library that does the
#   reading (msgspec) writes every one of them into its own schema.
# Why it matters to a shop: clients, forms and test tools made from the document allow a negative
#   discount or a line of 0 pieces; the first buyer who meets it finds out, and a test that goes by the
#   document cannot.
# Seen with: litestar 2.25.0, msgspec 0.23.0, Python 3.11.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install litestar==2.25.0 msgspec==0.23.0 httpx==0.28.1
run_python <<'EOF'
from typing import Annotated

import msgspec
from litestar import Litestar, post
from litestar.testing import TestClient

FromOne = Annotated[int, msgspec.Meta(ge=1)]
FromZero = Annotated[int, msgspec.Meta(ge=0)]


class Coupon(msgspec.Struct):
    per_customer: FromOne | None
    discount: FromZero | None
    pieces: list[FromOne]
    by_tier: dict[str, FromOne]


@post("/coupons")
async def create(data: Coupon) -> None: ...


app = Litestar([create])
document = app.openapi_schema.to_schema()["components"]["schemas"]["Coupon"]["properties"]
either = [{"type": "integer"}, {"type": "null"}]
seen("per_customer", document["per_customer"], {"oneOf": either, "minimum": 1})
seen("discount", document["discount"], {"oneOf": either})
seen("pieces", document["pieces"], {"type": "array", "items": {"type": "integer"}})
seen("by_tier", document["by_tier"], {"type": "object", "additionalProperties": {"type": "integer"}})

own = msgspec.json.schema(Coupon)["$defs"]["Coupon"]["properties"]
seen("discount, by msgspec", own["discount"],
     {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "null"}]})
seen("pieces, by msgspec", own["pieces"],
     {"type": "array", "items": {"type": "integer", "minimum": 1}})

fine = {"per_customer": 1, "discount": 0, "pieces": [1], "by_tier": {"gold": 1}}
with TestClient(app) as client:
    seen("all in bounds", client.post("/coupons", json=fine).status_code, 201)
    for name, value in {"discount": -1, "pieces": [0], "by_tier": {"gold": 0}}.items():
        answer = client.post("/coupons", json=fine | {name: value})
        seen(f"{name} out of bounds", answer.status_code, 400)
EOF

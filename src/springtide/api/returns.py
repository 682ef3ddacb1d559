"""Returns: pieces of a paid order that came back, and what is paid back for them."""

from datetime import datetime
from typing import Annotated, Any

from litestar import Request, Response, post
from litestar.openapi.spec import Example
from litestar.params import Body
from msgspec import Meta, Struct
from sqlalchemy import Connection

from springtide.api.fields import KEY_PATTERN, PathKey
from springtide.api.quotes import LinesIn
from springtide.api.writes import idempotent
from springtide.bootstrap import House
from springtide.domain.access.act import Act
from springtide.domain.access.model import Caller, Key, Scope
from springtide.flows.checkout import returns


class ReturnIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """Pieces of a paid order that came back."""

    lines: LinesIn
    key: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=120,
            pattern=KEY_PATTERN,
            description="The return's number; sent again it is the same return.",
            examples=["ret_2025111300004"],
        ),
    ]


class Return(Struct, kw_only=True):
    """What is paid back for a return, under the campaign's policy."""

    key: str
    order_key: str
    policy: Annotated[str, Meta(examples=["keep"])]
    refund_minor: int
    refunded_minor: Annotated[int, Meta(description="Of the whole order, this return included.")]
    returned_at: datetime


ReturnBody = Annotated[
    ReturnIn,
    Body(
        examples=[
            Example(
                summary="One piece",
                value={
                    "key": "ret_2025111300004",
                    "lines": [{"product_key": "1029743", "quantity": 1}],
                },
            )
        ]
    ),
]


@post(
    "/v1/orders/{key:str}/returns",
    opt={"access": Key(Scope.ORDERS_WRITE)},
    status_code=201,
    sync_to_thread=True,
    tags=["orders"],
    operation_id="returnOrder",
    summary="Take pieces of an order back",
)
def return_order(
    request: Request[Any, Any, Any], house: House, caller: Caller, key: PathKey, data: ReturnBody
) -> Response[Return]:
    """Record pieces that came back, and say what is to be paid back for them.

    Paid less paid back is always the price of what is kept, under the policy of the campaign:
    `keep` the shares of the sale, `reprice` what is kept, or `charge_back` discounts that no
    longer hold. Refused with `return_owes` where what is kept costs more than was paid.
    """
    lines: dict[str, int] = {}
    for line in data.lines:
        lines[line.product_key] = lines.get(line.product_key, 0) + line.quantity

    def take_back(tx: Connection) -> tuple[int, Return]:
        done = returns.return_lines(
            Act.of(tx, caller.shop, caller.actor), order_key=key, return_key=data.key, lines=lines
        )
        return 201, Return(
            key=done.made.key,
            order_key=key,
            policy=done.made.policy,
            refund_minor=done.made.refund_minor,
            refunded_minor=done.order.refunded_minor,
            returned_at=done.made.returned_at,
        )

    return idempotent(house, caller, request, data, take_back)


routes: list[Any] = [return_order]

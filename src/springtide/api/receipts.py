"""Receipts: an order reached its customer, and what it earned is theirs."""

from datetime import datetime
from typing import Any

from litestar import Request, Response, post
from msgspec import Struct
from sqlalchemy import Connection

from springtide.api.fields import PathKey
from springtide.api.writes import idempotent
from springtide.bootstrap import House
from springtide.domain.access.act import Act
from springtide.domain.access.model import Caller, Key, Scope
from springtide.flows.checkout import earned


class Receipt(Struct, kw_only=True):
    """When an order was received."""

    order_key: str
    received_at: datetime | None


@post(
    "/v1/orders/{key:str}/receipt",
    opt={"access": Key(Scope.ORDERS_WRITE)},
    status_code=200,
    sync_to_thread=True,
    tags=["orders"],
    operation_id="receiveOrder",
    summary="Confirm the receipt of an order",
)
def receive_order(
    request: Request[Any, Any, Any], house: House, caller: Caller, key: PathKey
) -> Response[Receipt]:
    """Note that a paid order was received: what it earned is the customer's from now on.

    Without it an order counts as received ten days after it was paid.
    """

    def receive(tx: Connection) -> tuple[int, Receipt]:
        order = earned.receive(Act.of(tx, caller.shop, caller.actor), key=key)
        return 200, Receipt(order_key=order.key, received_at=order.received_at)

    return idempotent(house, caller, request, None, receive)


routes = [receive_order]

"""The facts in ten numbers, the same as `springtide facts summary`."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import get
from msgspec import Meta, Struct

from springtide.bootstrap import House
from springtide.domain.access.model import Caller, Data, key_reading
from springtide.domain.imports.queries import summary


class FactSummary(Struct, kw_only=True):
    """A shop's facts; money in minor units."""

    kinds: Annotated[dict[str, int], Meta(description="How many facts of each kind.")]
    first_at: datetime | None
    last_at: datetime | None
    customers: Annotated[int, Meta(description="Distinct known customers.")]
    orders: Annotated[int, Meta(description="Distinct orders.")]
    gross_minor: Annotated[int, Meta(description="Ordered.")]
    paid_minor: int
    refunded_minor: int
    net_minor: Annotated[int, Meta(description="Paid less refunded.")]
    rejected: Annotated[int, Meta(description="Rows that imports rejected.")]


@get(
    "/v1/facts/summary",
    opt={"access": key_reading(Data.NUMBERS)},
    sync_to_thread=True,
    tags=["facts"],
    operation_id="summariseFacts",
    summary="Sum up the facts",
)
def summarise(house: House, caller: Caller) -> FactSummary:
    """Sum up all that happened in the shop."""
    numbers = summary(house.facts, caller.shop.slug)
    return msgspec.convert(numbers, FactSummary, from_attributes=True)


routes: list[Any] = [summarise]

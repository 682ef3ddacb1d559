"""Fields that several resources share: keys and quantities, with their bounds and examples."""

from datetime import datetime
from typing import Annotated

from litestar.params import PathParameter
from msgspec import Meta

from springtide.kit import reading
from springtide.kit.errors import Invalid
from springtide.kit.money import AMOUNT_MINOR_MAX

#: No control characters, and no line feed at the end: every route that takes a key reads it so.
KEY_PATTERN = r"^[^\x00-\x1f\x7f]+\Z"
OrderKey = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=120,
        pattern=KEY_PATTERN,
        description="The shop's own order number.",
        examples=["A-20251111-0001"],
    ),
]
CustomerKey = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=120,
        pattern=KEY_PATTERN,
        description="The shop's own key of the customer.",
        examples=["1228"],
    ),
]
VisitorKey = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=120,
        pattern=KEY_PATTERN,
        description="Your key of the browser or device; the same one in events and orders.",
        examples=["v-7f3a"],
    ),
]
ProductKey = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=120,
        pattern=KEY_PATTERN,
        description="The shop's own key of the product.",
        examples=["1029743"],
    ),
]
PaymentKey = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        pattern=KEY_PATTERN,
        description="The payment's number; sent again it is the same payment.",
        examples=["pay_2025110100017"],
    ),
]
SourcePath = Annotated[
    str,
    Meta(
        max_length=200,
        description="The traffic source, its levels joined by “/”.",
        examples=["platform/search"],
    ),
]
Quantity = Annotated[
    int, Meta(ge=1, le=1_000_000, description="Pieces, from 1 to 1,000,000.", examples=[2])
]
Currency = Annotated[str, Meta(description="ISO 4217 code of all amounts.", examples=["CNY"])]
#: An amount of money that is sent.
AmountMinor = Annotated[int, Meta(ge=0, le=AMOUNT_MINOR_MAX)]
#: The name of a plain value.
PropName = Annotated[str, Meta(max_length=60)]
Simulated = Annotated[
    bool, Meta(description="Made up, not real: only a demo shop takes it.", examples=[False])
]
#: The key of a resource, in its address.
PathKey = Annotated[str, PathParameter(max_length=120)]

#: An instant, written out: what msgspec itself takes for a time is rounded, or has other spellings.
InstantText = Annotated[
    str,
    Meta(
        max_length=35,
        pattern=reading.INSTANT_PATTERN,
        examples=["2025-11-11T20:00:00+08:00"],
        description="RFC 3339 with an offset, of the years 1900 to 2199.",
        extra_json_schema={"format": "date-time"},
    ),
]

#: A value without parts. Numbers are those that every reader of JSON knows exactly (RFC 7493).
PLAIN_LENGTH_MAX, PLAIN_NUMBER_MAX = 2_000, 2**53 - 1
Plain = (
    Annotated[str, Meta(max_length=PLAIN_LENGTH_MAX)]
    | Annotated[int, Meta(ge=-PLAIN_NUMBER_MAX, le=PLAIN_NUMBER_MAX)]
    | Annotated[float, Meta(ge=-PLAIN_NUMBER_MAX, le=PLAIN_NUMBER_MAX)]
    | bool
    | None
)


def instant_of(text: str, field: str) -> datetime:
    """Return the instant that a field says; refuses (Invalid) a day that there is not."""
    found = reading.instant(text)
    if found is None:
        raise Invalid({field: reading.BadField(why=reading.INSTANT_TOLD)})
    return found

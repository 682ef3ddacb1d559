"""Fields that several resources share: keys and quantities, with their bounds and examples."""

from typing import Annotated

from litestar.openapi.spec import OpenAPIType, Schema
from litestar.params import PathParameter
from msgspec import Meta

# No "/" and no control characters: a key stands in addresses.
OrderKey = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=120,
        pattern=r"^[^/\x00-\x1f\x7f]+$",
        description="The shop's own order number.",
        examples=["A-20251111-0001"],
    ),
]
CustomerKey = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=120,
        description="The shop's own key of the customer.",
        examples=["1228"],
    ),
]
VisitorKey = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=120,
        description="Your key of the browser or device; the same one in events and orders.",
        examples=["v-7f3a"],
    ),
]
ProductKey = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=120,
        description="The shop's own key of the product.",
        examples=["1029743"],
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
Simulated = Annotated[
    bool, Meta(description="Made up, not real: only a demo shop takes it.", examples=[False])
]
#: The key of a resource, in its address.
PathKey = Annotated[str, PathParameter(max_length=120)]

#: A value without parts.
Plain = str | int | float | bool | None
# Written out: 1 is an integer and a number, so "one of" them would refuse it.
PLAIN_SCHEMA = Schema(
    type=[OpenAPIType.STRING, OpenAPIType.NUMBER, OpenAPIType.BOOLEAN, OpenAPIType.NULL]
)

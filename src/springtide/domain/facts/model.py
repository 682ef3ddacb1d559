"""A fact: one thing that happened, one row, never edited; a correction is a new version."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

#: What can happen. ``order`` and ``payment`` are one fact a line of an order, so that money can
#: be followed down to a product; ``refund`` likewise (its amount is positive).
KINDS = (
    "view", "favourite", "cart", "claim", "order", "payment", "refund", "order_closed",
    "message", "click", "opt_out", "redemption",
)  # fmt: skip

#: Sources that only Springtide itself writes; files may not claim them.
OWN_SOURCES = ("api", "simulated", "springtide")


@dataclass(frozen=True, slots=True)
class Fact:
    """One row of the one table; ``*_key`` are the shop's own keys, as text.

    ``(shop, source, external_id)`` names the fact; of its versions the newest wins. Amounts are
    minor units of the shop's currency: ``amount_minor`` is what remains after ``discount_minor``.
    ``source_path`` is the traffic source, levels joined by ``/``.
    """

    shop: str
    kind: str
    occurred_at: datetime
    source: str
    external_id: str
    version: int = 1
    visitor_key: str | None = None
    customer_key: str | None = None
    product_key: str | None = None
    sku_key: str | None = None
    order_key: str | None = None
    quantity: int = 0
    amount_minor: int = 0
    discount_minor: int = 0
    source_path: str | None = None
    campaign_key: str | None = None
    reference: str | None = None
    props: Mapping[str, Any] = field(default_factory=dict)

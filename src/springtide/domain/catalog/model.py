"""A product as the shop knows it, and what a product may look like."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from springtide.kit.errors import N_, Refusal

KEY_LENGTH_MAX = 120
TEXT_LENGTH_MAX = 300
ATTRIBUTES_BYTES_MAX = 16_000


@dataclass(frozen=True, slots=True)
class Product:
    """One product, named by the shop's own key; texts are kept as given and escaped at output."""

    key: str
    name: str
    brand: str = ""
    category: str = ""
    department: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Upserted:
    """What a bulk write did."""

    new: int
    changed: int
    unchanged: int


class BadProduct(Refusal):
    """A product that cannot be kept; names its key, the field and the reason."""

    code = "bad_product"
    text = N_("Product “{key}”: {field} {reason}.")


class UnknownProduct(Refusal):
    """A product key that the shop's catalog does not hold."""

    code = "unknown_product"
    text = N_("The catalog holds no product “{key}”.")

"""A product as the shop knows it, and what a product may look like."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from springtide.kit.canonical import to_json
from springtide.kit.errors import N_, Refusal
from springtide.kit.text import text_problem

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


class AttributesTooLarge(Refusal):
    """A product's attributes need more room than they may."""

    code = "attributes_too_large"
    text = N_("The attributes take more than {bytes_max} bytes.")


class UnknownProduct(Refusal):
    """A product key that the shop's catalog does not hold."""

    code = "unknown_product"
    text = N_("The catalog holds no product “{key}”.")


def product_problems(product: Product) -> dict[str, Refusal]:
    """Return what is wrong with a product, by field; empty when it can be kept."""
    problems: dict[str, Refusal] = {}
    for name, value, length_max in (
        ("key", product.key, KEY_LENGTH_MAX),
        ("name", product.name, TEXT_LENGTH_MAX),
        ("brand", product.brand, TEXT_LENGTH_MAX),
        ("category", product.category, TEXT_LENGTH_MAX),
        ("department", product.department, TEXT_LENGTH_MAX),
    ):
        problem = text_problem(value, length_max=length_max, is_needed=name == "key")
        if problem:
            problems[name] = problem
    if product.attributes and (problem := _attributes_problem(product.attributes)):
        problems["attributes"] = problem
    return problems


def _attributes_problem(attributes: Mapping[str, Any]) -> Refusal | None:
    document = to_json(attributes)
    if len(document) > ATTRIBUTES_BYTES_MAX:
        return AttributesTooLarge(bytes_max=ATTRIBUTES_BYTES_MAX)
    return text_problem(document, length_max=ATTRIBUTES_BYTES_MAX)

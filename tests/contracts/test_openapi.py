"""What the API publishes of itself is whole and true."""

import re
from typing import Any

import pytest
from litestar.testing import TestClient

from springtide.site import Site


@pytest.fixture
def document(client: TestClient[Site]) -> dict[str, Any]:
    published: dict[str, Any] = client.get("/v1/openapi.json").json()
    return published


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if path.startswith("/v1/")
    }


def test_every_operation_says_what_it_does_and_who_may(document: dict[str, Any]) -> None:
    assert document["openapi"].startswith("3.1")
    found = operations(document)
    assert {"POST /v1/orders", "POST /v1/events", "GET /v1/orders/{key}"} <= set(found)
    for name, operation in found.items():
        assert operation["summary"], name
        assert operation["tags"], name
        assert "key with the scope" in operation["description"], name
        assert operation["responses"]["default"]["content"].keys() == {"application/problem+json"}
    ids = [operation["operationId"] for operation in found.values()]
    assert len(ids) == len(set(ids))


def test_every_write_takes_a_key_unless_it_keeps_nothing(document: dict[str, Any]) -> None:
    wants = {
        name: next(
            (p["required"] for p in operation.get("parameters", []) if p["in"] == "header"), None
        )
        for name, operation in operations(document).items()
        if name.startswith("POST")
    }
    assert wants.pop("POST /v1/events") is False
    assert wants.pop("POST /v1/quotes") is None
    assert wants.pop("POST /v1/customer-tokens") is None
    assert wants.pop("POST /v1/holdings") is None
    assert wants.pop("POST /v1/shares") is None
    assert wants.pop("POST /v1/today") is None
    assert wants
    assert all(wants.values())


def test_bodies_say_that_they_take_no_other_fields(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name in ("Events", "Event", "OrderIn", "CartLineIn", "PaymentIn", "ProductIn", "PriceIn"):
        assert schemas[name]["additionalProperties"] is False, name
    # Answers may grow.
    assert "additionalProperties" not in schemas["OrderWithDecision"]


def test_every_reference_leads_somewhere(document: dict[str, Any]) -> None:
    def references(part: Any) -> set[str]:
        if isinstance(part, list):
            return set().union(*map(references, part))
        if not isinstance(part, dict):
            return set()
        own = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
        return own.union(*map(references, part.values()))

    known = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
    assert references(document)
    assert references(document) <= known


def test_secrets_of_the_shop_stand_in_no_answer(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for name in ("Product", "Price", "PricedLine", "OrderWithDecision", "Quote", "AppliedRule"):
        fields = set(schemas[name]["properties"])
        assert not fields & {"floor_minor", "cost_minor", "cut_minor", "wanted_minor"}, name


def test_what_an_address_may_leave_out_is_never_null(document: dict[str, Any]) -> None:
    said = {
        f"{name} {parameter['name']}": parameter["schema"]
        for name, operation in operations(document).items()
        for parameter in operation.get("parameters", [])
    }
    assert [
        name for name, schema in said.items() if "None" in str(schema) or "null" in str(schema)
    ] == []
    assert said["GET /v1/orders state"]["enum"] == ["placed", "paid", "closed"]
    keys = said["GET /v1/products key"]
    assert keys["type"] == "array"
    assert keys["items"]["type"] == "string"
    # Nor is there a NUL in it, which the door refuses.
    assert not re.search(keys["items"]["pattern"], "a\0")
    assert re.search(keys["items"]["pattern"], "a\nb 红")
    assert keys["maxItems"] > 1

"""One strict reading of what comes in: every route refuses every wrong type in the same way."""

import re
from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import pytest
from litestar.testing import TestClient

from springtide.domain.access.model import Scope
from springtide.kit.db import Database
from springtide.site import Site, create_app, handlers
from tests.kit.house import TestHouse, key_in, settings_in, shop_in

#: What stands for each type, though it is of another.
WRONG: dict[str, list[Any]] = {
    "integer": ["2", "1e3", 2.5, 2.0, True, [2], {}],
    "boolean": ["true", "false", "on", 0, 1, 1.0, [True]],
    "string": [7, 1.5, True, ["a"], {"a": "b"}],
    "time": [
        1762963200, "1762963200", 1762963200.5, "2025-11-11", "2025-11-11T12:00:00",
        "2025-11-11 12:00:00Z", "2025-11-11T12:00Z", "0001-01-01T00:00:00+08:00",
        "2025-02-30T12:00:00Z", True,
    ],
    "array": ["a", 1, {"0": {}}, True],
    "object": ["a", 1, [], True],
}  # fmt: skip
TYPES = list(WRONG)


@pytest.fixture(scope="module")
def site(sqlite_template: Any, tmp_path_factory: Any) -> Iterator[TestClient[Site]]:
    """The app of a shop that nothing is written to, and a key that may do all."""
    folder = tmp_path_factory.mktemp("strict")
    (folder / "state.db").write_bytes(sqlite_template.read_bytes())
    url = f"sqlite:///{folder / 'state.db'}"
    house = TestHouse(settings_in(folder / "data", url, api_rate_per_second=100_000), Database(url))
    with TestClient(create_app(house), base_url="http://testserver.local") as client:
        client.headers["authorization"] = f"Bearer {key_in(house, shop_in(house), *Scope)}"
        client.headers["idempotency-key"] = "k"
        yield client
    house.close()


class Wrongs:
    """Bodies that are wrong in one place, made from what the API says of its operations."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._schemas = document["components"]["schemas"]

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Follow references, and leave ``null`` out."""
        if "$ref" in schema:
            return self.resolved(self._schemas[schema["$ref"].rpartition("/")[2]])
        for each in schema.get("oneOf", schema.get("anyOf", schema.get("allOf", []))):
            if each.get("type") != "null":
                return {**self.resolved(each), **{k: v for k, v in schema.items() if k != "oneOf"}}
        return schema

    def right(self, schema: dict[str, Any], field: str = "") -> Any:
        """Something of the right form, with every field that must be there."""
        schema = self.resolved(schema)
        if schema.get("examples"):
            return deepcopy(schema["examples"][0])
        if "enum" in schema:
            return schema["enum"][0]
        kind = _kind(schema)
        if kind == "object":
            needed = schema.get("required", [])
            return {name: self.right(schema["properties"][name], name) for name in needed}
        if kind == "array":
            return [self.right(schema["items"])]
        return {"integer": int(schema.get("minimum", 1)), "boolean": False, "string": "a"}[kind]

    def of(self, schema: dict[str, Any]) -> Iterator[tuple[str, str, Any, Any]]:
        """Each place below with its type, a wrong value, and the whole around it."""
        schema = self.resolved(schema)
        kind = _kind(schema)
        for value in WRONG.get(kind, []):
            yield "", kind, value, value
        if kind == "object" and "properties" in schema:
            whole = self.right(schema)
            for name, inner in schema["properties"].items():
                for place, found, value, part in self.of(inner):
                    yield f"{name}.{place}".strip("."), found, value, {**whole, name: part}
        elif kind == "array":
            for place, found, value, part in self.of(schema["items"]):
                yield f"0.{place}".strip("."), found, value, [part]


def _kind(schema: dict[str, Any]) -> str:
    kind = schema.get("type", "")
    kind = next((each for each in kind if each != "null"), "") if isinstance(kind, list) else kind
    return "time" if schema.get("format") == "date-time" else str(kind)


def _operations(site: TestClient[Site]) -> tuple[Wrongs, list[tuple[str, dict[str, Any]]]]:
    document = site.get("/v1/openapi.json").json()
    found = [
        (re.sub(r"\{\w+\}", "7", path), operation["requestBody"]["content"]["application/json"])
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if method == "post" and "requestBody" in operation
    ]
    return Wrongs(document), found


@pytest.mark.parametrize("kind", TYPES)
def test_every_route_refuses_a_wrong_type_and_names_its_place(
    site: TestClient[Site], kind: str
) -> None:
    wrongs, operations = _operations(site)
    assert len(operations) >= 12
    tried: dict[str, int] = {}
    for path, content in operations:
        for place, found, value, body in wrongs.of(content["schema"]):
            if found != kind:
                continue
            # A claim goes its own quick way, but not with a query.
            for address in (path, f"{path}?x=1"):
                answer = site.post(address, json=body)
                assert answer.status_code == 422, (address, place, value, answer.text)
                assert answer.json()["code"] == "invalid", (address, place, value)
                told = answer.json()["fields"]
                assert [each["code"] for each in told] == ["bad_field"], (address, place, value)
                # Of a dictionary's values msgspec tells the dictionary alone.
                assert place.startswith(told[0]["field"]) or told[0]["field"] == "body", place
                tried[path] = tried.get(path, 0) + 1
    assert len(tried) >= {"boolean": 3, "time": 1, "array": 6}.get(kind, 8), tried


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[" * 100_000, b'{"a":' * 100_000, b"\xff", b'{"lines": NaN}', b"null",
        b'{"reward": "a", "reward": "a"}', b'{"customer_key": "\\ud800"}', b'"a"', b"1e999",
        b'{"quantity": ' + b"9" * 10_000 + b"}", b'{"quantity": 1e999999999}', b'{"\0": 1}',
    ],
)  # fmt: skip
def test_no_body_is_a_fault_of_ours(site: TestClient[Site], body: bytes) -> None:
    _, operations = _operations(site)
    assert len(operations) > 10
    for path, _ in operations:
        answers = []
        for address in (path, f"{path}?x=1"):
            answer = site.post(address, content=body, headers={"content-type": "application/json"})
            assert answer.status_code in (400, 413, 422), (address, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
            answers.append((answer.status_code, answer.json()["code"]))
        assert answers[0] == answers[1] or 413 in answers[0], path


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "text/plain"}, {"content-type": "application/json; charset=gbk"},
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "multipart/form-data"},
        {"content-type": "application/msgpack"}, {"content-type": ";"},
        {"content-encoding": "gzip"},
        {"content-encoding": "br", "content-type": "application/json"},
    ],
)  # fmt: skip
def test_only_plain_json_is_a_body(site: TestClient[Site], headers: dict[str, str]) -> None:
    _, operations = _operations(site)
    assert len(operations) > 10
    for path, _ in operations:
        for address in (path, f"{path}?x=1"):
            answer = site.post(address, content=b"{}", headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (415, "media_unknown"), address


@pytest.mark.parametrize(
    "limit",
    ["5.0", "1e1", "+5", " 5", "5 ", "05", "1_0", "٥", "５", "true", "", "NaN", "0x5", "5%0a",
     "9" * 30, "-0", "5&limit=6", "%ff"],
)  # fmt: skip
def test_a_number_in_a_query_has_one_spelling(site: TestClient[Site], limit: str) -> None:
    lists = [
        path
        for method, path, handler in handlers(site.app)
        if method == "GET" and "limit" in handler.parsed_fn_signature.parameters
        and path.startswith("/v1/")
    ]  # fmt: skip
    assert len(lists) >= 4
    for path in lists:
        answer = site.get(f"{path}?limit={limit}")
        assert answer.status_code in (400, 422), (path, answer.text)
        if answer.status_code == 422:
            assert [each["field"] for each in answer.json()["fields"]] == ["limit"]


@pytest.mark.parametrize("state", ["null", "NULL", "", "all", "paid,placed", "Paid"])
def test_a_choice_that_is_none_of_those_is_refused_and_never_taken_for_all(
    site: TestClient[Site], state: str
) -> None:
    answer = site.get("/v1/orders", params={"state": state})
    assert answer.status_code == 422
    (field,) = answer.json()["fields"]
    assert (field["field"], field["code"]) == ("state", "bad_choice")
    assert "placed, paid, closed" in field["detail"]


@pytest.mark.parametrize(
    "query", ["customer_key=a&customer_key=b", "state=paid&state=paid", "limit=1&limit=1"]
)
def test_what_is_said_once_is_not_said_twice(site: TestClient[Site], query: str) -> None:
    answer = site.get(f"/v1/orders?{query}")
    (field,) = answer.json()["fields"]
    assert (field["field"], field["code"]) == (query.partition("=")[0], "bad_field")
    assert site.get("/v1/products?key=a&key=b").status_code == 200


def test_bounds_stand_on_everything_that_is_sent(site: TestClient[Site]) -> None:
    document = site.get("/v1/openapi.json").json()
    wrongs, seen = Wrongs(document), 0
    loose: list[str] = []

    def look(schema: dict[str, Any], place: str) -> None:
        nonlocal seen
        seen += 1
        schema = wrongs.resolved(schema)
        kind = schema.get("type")
        kinds = kind if isinstance(kind, list) else [kind]
        wanted = {
            "string": {"maxLength"}, "integer": {"minimum", "maximum"}, "array": {"maxItems"},
            "number": {"minimum", "maximum"},
        }  # fmt: skip
        if "enum" not in schema and "const" not in schema:
            loose.extend(
                f"{place}: {bound}"
                for each in kinds
                for bound in wanted.get(str(each), set()) - schema.keys()
            )
        if "object" in kinds and "properties" not in schema:
            loose.extend(
                f"{place}: {b}" for b in {"maxProperties", "propertyNames"} - schema.keys()
            )
        for name, inner in schema.get("properties", {}).items():
            look(inner, f"{place}.{name}")
        for name in ("items", "additionalProperties"):
            if isinstance(schema.get(name), dict):
                look(schema[name], f"{place}.{name}")

    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            for each in operation.get("parameters", []):
                look(each["schema"], f"{method} {path} {each['name']}")
            for content in operation.get("requestBody", {}).get("content", {}).values():
                look(content["schema"], f"{method} {path}")
    assert seen > 100
    assert loose == [], "\n".join(loose)


def test_no_key_ends_in_a_line_feed_on_any_route(site: TestClient[Site]) -> None:
    document = site.get("/v1/openapi.json").json()
    wrongs, loose, seen = Wrongs(document), [], 0

    def look(schema: dict[str, Any], place: str) -> None:
        nonlocal seen
        schema = wrongs.resolved(schema)
        for name, inner in schema.get("properties", {}).items():
            if name == "key" or name.endswith("_key"):
                seen += 1
                pattern = wrongs.resolved(inner).get("pattern", "")
                # The document ends it with ``$``, which Python would let a line feed follow.
                if not pattern or re.fullmatch(pattern.removesuffix("$"), "1\n"):
                    loose.append(f"{place}.{name}")
            look(inner, f"{place}.{name}")
        if isinstance(schema.get("items"), dict):
            look(schema["items"], place)

    for path, methods in document["paths"].items():
        for content in methods.get("post", {}).get("requestBody", {}).get("content", {}).values():
            look(content["schema"], path)
    assert seen > 20
    assert loose == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/products", {"products": [{"key": "a\n", "name": "A"}]}),
        ("/v1/customers", {"customers": [{"key": "a\n"}]}),
        ("/v1/customer-tokens", {"customer_key": "a\n"}),
        ("/v1/events", {"events": [{"kind": "view", "visitor_key": "a\n"}]}),
        ("/v1/events", {"events": [{"kind": "view", "customer_key": "a\n"}]}),
        ("/v1/events", {"events": [{"kind": "view", "product_key": "a\x7f"}]}),
        ("/v1/claims", {"reward": "rwd_x", "customer_key": "a\n"}),
        ("/v1/orders/o/payments", {"payment_key": "a\n"}),
    ],
)
def test_a_key_with_a_control_character_is_refused_everywhere(
    site: TestClient[Site], path: str, body: dict[str, Any]
) -> None:
    answer = site.post(path, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")

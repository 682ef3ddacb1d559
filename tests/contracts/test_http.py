"""What every answer has: security headers, problem documents, safe cookies, no leaked faults."""

import logging
from pathlib import Path
from typing import Any

import msgspec
import pytest
from litestar import Request, get, post
from litestar.testing import TestClient

from springtide.api.writes import idempotent
from springtide.bootstrap import House
from springtide.domain.access.model import (
    Caller,
    Key,
    Member,
    Needs,
    Permission,
    Public,
    Role,
    Scope,
)
from springtide.site import Site, create_app
from springtide.web.frame.static_files import static
from tests.kit.house import Browser, TestHouse, key_in, person_in, settings_in, shop_in


class Note(msgspec.Struct):
    """A body for the tests' own route."""

    text: str
    count: int = 1


@post("/v1/test-notes", opt={"access": Key(Scope.ORDERS_WRITE)}, sync_to_thread=True)
def write_note(request: Request[Any, Any, Any], house: House, caller: Caller, data: Note) -> Any:
    """Write a note."""
    written: list[str] = request.app.state.setdefault("notes", [])

    def produce(tx: Any) -> tuple[int, Any]:
        written.append(data.text)
        return 201, {"text": data.text, "number": len(written), "by": caller.actor.name}

    return idempotent(house, caller, request, data, produce)


@get("/v1/test-fault", opt={"access": Key(Scope.READ)}, sync_to_thread=True)
def fail() -> None:
    """Fail."""
    raise RuntimeError("the secret inner text")


@get("/test-fault", opt={"access": Public("a fault for the tests")}, sync_to_thread=True)
def fail_page() -> None:
    """Fail on a page."""
    raise RuntimeError("the secret inner text")


@post(
    "/shops/{shop:str}/test-note",
    opt={"access": Needs(Permission.PRICES_WRITE)},
    sync_to_thread=True,
)
def page_note(member: Member) -> str:
    """Tell who is here."""
    return f"{member.person.email} in {member.shop.slug} as {member.role}"


@get("/shops/{shop:str}/test-page", opt={"access": Needs(Permission.READ)}, sync_to_thread=True)
def page(member: Member) -> str:
    """Show something."""
    return member.shop.name


@pytest.fixture
def app(sqlite_house: TestHouse) -> Site:
    made = create_app(sqlite_house)
    for handler in (write_note, fail, fail_page, page_note, page):
        made.register(handler)
    return made


@pytest.fixture
def http(app: Site) -> Any:
    with TestClient(app, base_url="http://testserver.local", raise_server_exceptions=False) as made:
        yield made


def _bearer(house: House, *scopes: Scope, **more: str) -> dict[str, str]:
    from springtide.domain.access import queries

    with house.db.read() as tx:
        shops = queries.all_shops(tx)
    shop = shops[0] if shops else shop_in(house)
    return {"authorization": f"Bearer {key_in(house, shop, *scopes)}", **more}


@pytest.mark.parametrize("path", ["/healthz", "/nowhere", "/v1/nowhere", "/static/no.css", "/"])
def test_every_answer_has_the_security_headers(http: Any, path: str) -> None:
    headers = http.get(path, follow_redirects=False).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "*" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-request-id"]
    assert "strict-transport-security" not in headers


def test_https_adds_strict_transport_and_safe_cookies(
    sqlite_house: TestHouse, tmp_path: Path
) -> None:
    url = "https://tide.example"
    secure = TestHouse(settings_in(tmp_path, sqlite_house.db.url, public_url=url), sqlite_house.db)
    with TestClient(create_app(secure), base_url=url) as http:
        answer = http.get("/", follow_redirects=False)
    assert answer.headers["strict-transport-security"].startswith("max-age=31536000")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-visit=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))


def test_pages_and_answers_are_not_kept_by_caches(http: Any, sqlite_house: TestHouse) -> None:
    headers = _bearer(sqlite_house, Scope.READ)
    for path in ("/", "/v1/nowhere"):
        answer = http.get(path, headers=headers, follow_redirects=False)
        assert answer.headers["cache-control"] == "no-store"


def test_a_static_file_is_kept_for_ever_only_under_its_hash(http: Any) -> None:
    for_ever = "public, max-age=31536000, immutable"
    kept = http.get(static("app.css"))
    assert (kept.status_code, kept.headers["cache-control"]) == (200, for_ever)
    assert kept.headers["content-type"] == "text/css; charset=utf-8"
    # Another release's hash is not this content's: nobody may keep it under that for ever.
    for path in ("/static/app.css", "/static/app.css?v=0123456789"):
        assert http.get(path).headers["cache-control"] == "public, no-cache"
    assert http.get("/static/no.css?v=0123456789").headers["cache-control"] == "no-store"
    for path in ("../door.py", "%2e%2e/door.py", ".gitkeep", "vendor", "", "x" * 5_000):
        assert http.get(f"/static/{path}").status_code == 404, path


def test_a_static_file_that_is_known_is_not_sent_again(http: Any) -> None:
    sent = http.get("/static/app.css")
    again = http.get("/static/app.css", headers={"if-none-match": sent.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == sent.headers["etag"]
    other = http.get("/static/app.css", headers={"if-none-match": '"other"'})
    assert (other.status_code, other.content) == (200, sent.content)


@pytest.mark.parametrize(
    "path",
    ["/static/app.css", "/static/no.css", "/healthz", "/readyz", "/metrics", "/v1", "/v1/orders",
     "/v1/nowhere", "/v1/openapi.json", "/v1/customers"],
)  # fmt: skip
def test_what_is_no_page_sets_no_cookie(http: Any, sqlite_house: TestHouse, path: str) -> None:
    for headers in ({}, _bearer(sqlite_house, *Scope)):
        for method in ("GET", "HEAD", "POST", "OPTIONS", "DELETE"):
            answer = http.request(method, path, headers=headers)
            assert "set-cookie" not in answer.headers, (method, answer.status_code)
            if answer.status_code >= 400:
                kind = answer.headers["content-type"]
                assert kind.startswith("application/problem+json")


def test_a_refusal_under_v1_is_a_problem_document(http: Any) -> None:
    answer = http.get("/v1/test-fault")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert {"type", "title", "status", "detail", "code", "request"} <= set(body)
    assert (body["status"], body["code"]) == (401, "no_key")
    assert body["request"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/v1/nowhere", b"", 404, "no_such_path"),
        ("DELETE", "/v1/test-notes", b"", 405, "wrong_method"),
        ("POST", "/v1/test-notes", b"{", 400, "body_unreadable"),
        ("POST", "/v1/test-notes", b'{"text": 7}', 422, "invalid"),
        ("POST", "/v1/test-notes", b"[]", 422, "invalid"),
        ("POST", "/v1/test-notes", b"\xff\xfe", 400, "body_unreadable"),
        ("POST", "/v1/test-notes", b'{"text": "' + b"x" * 1_000_001 + b'"}', 413, "body_too_large"),
        ("POST", "/v1/test-notes", b'{"text": "a"}', 400, "idempotency_key_missing"),
    ],
)
def test_bad_input_gets_its_own_problem(
    http: Any,
    sqlite_house: TestHouse,
    method: str,
    path: str,
    body: bytes,
    status: int,
    code: str,
) -> None:
    headers = _bearer(sqlite_house, Scope.ORDERS_WRITE)
    answer = http.request(method, path, content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_wrong_field_is_named(http: Any, sqlite_house: TestHouse) -> None:
    headers = _bearer(sqlite_house, Scope.ORDERS_WRITE)
    answer = http.post("/v1/test-notes", json={"text": "a", "count": "many"}, headers=headers)
    (field,) = answer.json()["fields"]
    assert (field["field"], field["code"]) == ("count", "bad_field")
    assert "int" in field["detail"]


@pytest.mark.parametrize("path", ["/v1/test-fault", "/test-fault"])
def test_a_fault_shows_an_id_and_nothing_else(
    http: Any, sqlite_house: TestHouse, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        answer = http.get(path, headers=_bearer(sqlite_house, Scope.READ))
    request_id = answer.headers["x-request-id"]
    assert answer.status_code == 500
    assert request_id in answer.text
    assert "inner text" not in answer.text
    assert "Traceback" not in answer.text
    assert "the secret inner text" in caplog.text
    assert request_id in caplog.text


def test_a_request_id_is_taken_over_only_when_it_is_harmless(http: Any) -> None:
    taken = http.get("/healthz", headers={"x-request-id": "abc-12345"})
    assert taken.headers["x-request-id"] == "abc-12345"
    for hostile in ("short", "x" * 65, "a b c d e f g", 'id="<b>1234'):
        assert (
            http.get("/healthz", headers={"x-request-id": hostile}).headers["x-request-id"]
            != hostile
        )


def test_the_same_idempotency_key_has_one_effect(http: Any, sqlite_house: TestHouse) -> None:
    headers = _bearer(sqlite_house, Scope.ORDERS_WRITE)
    headers["idempotency-key"] = "k-1"
    first = http.post("/v1/test-notes", json={"text": "a"}, headers=headers)
    again = http.post("/v1/test-notes", content=b' {"text":  "a"} ', headers=headers)
    assert (first.status_code, first.json()["number"]) == (201, 1)
    assert (again.status_code, again.json()) == (201, first.json())
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    other = http.post("/v1/test-notes", json={"text": "b"}, headers=headers)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")


def test_keys_of_two_callers_do_not_collide(http: Any, sqlite_house: TestHouse) -> None:
    answers = [
        http.post(
            "/v1/test-notes",
            json={"text": "a"},
            headers=_bearer(sqlite_house, Scope.ORDERS_WRITE, **{"idempotency-key": "k-1"}),
        )
        for _ in range(2)
    ]
    assert [answer.json()["number"] for answer in answers] == [1, 2]


@pytest.mark.parametrize("key", ["", "x" * 201, "ключ", "a b"])
def test_an_odd_idempotency_key_is_refused(http: Any, sqlite_house: TestHouse, key: str) -> None:
    headers = {**_bearer(sqlite_house, Scope.ORDERS_WRITE), "idempotency-key": key.encode()}
    answer = http.post("/v1/test-notes", json={"text": "a"}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "idempotency_key_missing")


def test_a_key_that_calls_too_often_is_told_when_to_come_back(
    sqlite_house: TestHouse, tmp_path: Path
) -> None:
    slow = TestHouse(
        settings_in(tmp_path, sqlite_house.db.url, api_rate_per_second=1), sqlite_house.db
    )
    app = create_app(slow)
    app.register(fail)
    with TestClient(app, raise_server_exceptions=False) as http:
        headers = _bearer(sqlite_house, Scope.ORDERS_WRITE)
        answers = [http.get("/v1/test-fault", headers=headers) for _ in range(7)]
        other = http.get("/v1/test-fault", headers=_bearer(sqlite_house, Scope.ORDERS_WRITE))
    assert [answer.status_code for answer in answers[:5]] == [403] * 5
    assert answers[0].headers["ratelimit-limit"] == "5"
    assert answers[0].headers["ratelimit-remaining"] == "4"
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert answers[-1].json()["code"] == "too_many_requests"
    assert other.status_code == 403


def test_a_page_knows_its_member_and_takes_a_form_with_its_token(
    http: Any, sqlite_house: TestHouse
) -> None:
    shop = shop_in(sqlite_house)
    browser = Browser(http, sqlite_house).sign_in(person_in(sqlite_house, shop, Role.OWNER))
    answer = browser.post("/shops/tide/test-note")
    assert (answer.status_code, answer.text) == (201, "owner@tide.test in tide as owner")


def test_a_token_of_another_session_is_no_token(http: Any, sqlite_house: TestHouse) -> None:
    shop = shop_in(sqlite_house)
    mine = Browser(http, sqlite_house).sign_in(person_in(sqlite_house, shop, Role.OWNER))
    other = Browser(http, sqlite_house).sign_in(person_in(sqlite_house, shop, Role.OPERATIONS))
    answer = mine.ask("POST", "/shops/tide/test-note", headers={"x-csrf-token": other.csrf()})
    assert answer.status_code == 403
    nobody = Browser(http, sqlite_house)
    planted = mine.ask("POST", "/shops/tide/test-note", headers={"x-csrf-token": nobody.csrf()})
    assert planted.status_code == 403


def test_who_is_not_signed_in_comes_back_after_the_log_in(http: Any) -> None:
    read = http.get("/shops/tide/test-page?tab=a&x=1", follow_redirects=False)
    assert read.status_code == 303
    assert read.headers["location"] == "/log-in?next=/shops/tide/test-page%3Ftab%3Da%26x%3D1"
    # What a form wrote is not repeated after the log-in; only its page is shown.
    wrote = http.post("/shops/tide/test-note?x=1", follow_redirects=False)
    assert wrote.headers["location"] == "/log-in?next=/shops/tide/test-note"
    live = http.get("/shops/tide/test-page", headers={"hx-request": "true"})
    assert (live.status_code, live.headers["hx-redirect"]) == (
        401,
        "/log-in?next=/shops/tide/test-page",
    )


def test_metrics_count_routes_and_hide_from_strangers(http: Any, sqlite_house: TestHouse) -> None:
    http.get("/healthz")
    assert http.get("/metrics").status_code == 403
    text = http.get("/metrics", headers=_bearer(sqlite_house, Scope.READ)).text
    assert 'springtide_requests_total{method="GET",route="/healthz",status="200"} 1.0' in text
    assert "springtide_request_seconds_bucket" in text
    assert (
        http.get("/metrics", headers=_bearer(sqlite_house, Scope.ORDERS_WRITE)).status_code == 403
    )


def test_a_log_line_stays_one_line(http: Any, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="springtide.request"):
        http.get("/x%0aERROR%20forged=1")
    (record,) = [r for r in caplog.records if r.name == "springtide.request"]
    assert "\n" not in record.getMessage()


def test_a_shops_own_site_may_call_the_api_but_not_read_pages(
    http: Any, sqlite_house: TestHouse
) -> None:
    asked = {"origin": "https://shop.example", "access-control-request-method": "POST"}
    preflight = http.options("/v1/test-notes", headers=asked)
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert "authorization" in preflight.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in preflight.headers
    page = http.get("/log-in", headers={"origin": "https://shop.example"})
    assert "access-control-allow-origin" not in page.headers

"""Claims over HTTP: who may, what is refused, and that a gate says what the database would."""

from datetime import timedelta
from typing import Any

import pytest
from litestar.testing import TestClient

from springtide.domain.access.model import Scope, Shop
from springtide.domain.rewards.model import Reward
from springtide.site import Site
from tests.kit.house import TestHouse, key_in, shop_in
from tests.kit.rewards import RULE, published


class Shopper:
    """A program that claims over HTTP."""

    def __init__(self, client: TestClient[Site], house: TestHouse) -> None:
        self.client, self.house = client, house
        self.shop: Shop = shop_in(house)
        self.secret = key_in(house, self.shop, Scope.CLAIMS_WRITE, Scope.READ)
        self.publishable = key_in(house, self.shop, Scope.CLAIMS_WRITE, is_publishable=True)

    def open(self, kind: str = "coupon", **terms: Any) -> Reward:
        params: dict[str, dict[str, Any]] = {
            "coupon": {"rule": RULE},
            "flash": {"rule": RULE, "product_key": "tea"},
            "share": {"what": "points", "sharer_amount": 5, "friend_amount": 3, "budget": 80},
        }
        return published(
            self.house.db, self.shop, kind, params[kind], now=self.house.clock, **terms
        )

    def claim(self, reward: str, customer: str | None = "c1", **more: Any) -> Any:
        headers = {"idempotency-key": more.pop("key", f"k-{customer}")}
        headers["authorization"] = f"Bearer {more.pop('token', self.secret)}"
        path = more.pop("path", "/v1/claims")
        body: dict[str, Any] = {"customer_key": customer} if customer else {}
        if path == "/v1/claims":
            body["reward"] = reward
        return self.client.post(path, json=body | more, headers=headers)


@pytest.fixture
def shopper(client: TestClient[Site], sqlite_house: TestHouse) -> Shopper:
    return Shopper(client, sqlite_house)


def test_a_claim_is_granted_once(shopper: Shopper) -> None:
    coupon = shopper.open(quantity=5)
    first = shopper.claim(coupon.key)
    assert first.status_code == 201, first.text
    document = first.json()
    assert document["granted"] == {"what": "coupon", "rule": RULE, "name": "a coupon"}
    assert document["reward"] == coupon.key
    again = shopper.claim(coupon.key)
    assert again.status_code == 201
    assert again.json() == document | {"replayed": True}
    assert again.headers["idempotency-replayed"] == "true"
    other = shopper.claim(coupon.key, "c2", key="k-c1")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")
    more = shopper.claim(coupon.key, key="k-more")
    assert (more.status_code, more.json()["code"]) == (409, "reward_customer_limit")


def test_every_answer_has_the_headers_of_the_site(shopper: Shopper) -> None:
    coupon = shopper.open(quantity=1)
    page = shopper.client.get("/v1/shop")
    for answer in (shopper.claim(coupon.key), shopper.claim(coupon.key, "c2"), page):
        for name in ("content-security-policy", "x-content-type-options", "x-request-id"):
            assert answer.headers.get(name), name
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["access-control-allow-origin"] == "*"


def test_the_gate_answers_as_the_desk_does(shopper: Shopper) -> None:
    coupon = shopper.open(quantity=1)
    assert shopper.claim(coupon.key).status_code == 201
    # The first one asks the desk, the second one the gate.
    answers = [shopper.claim(coupon.key, customer).json() for customer in ("c2", "c3")]
    for answer in answers:
        answer.pop("request")
    assert answers[0] == answers[1]
    assert answers[0]["code"] == "reward_sold_out"
    # Whoever was granted something passes the gate.
    assert shopper.claim(coupon.key).json()["replayed"] is True


def test_the_gate_opens_at_the_very_instant(shopper: Shopper) -> None:
    coupon = shopper.open(quantity=5, opens_in=timedelta(seconds=30))
    for _ in range(2):
        early = shopper.claim(coupon.key)
        assert (early.status_code, early.json()["code"]) == (409, "reward_not_open")
    shopper.house.forward(seconds=29.999)
    assert shopper.claim(coupon.key).json()["code"] == "reward_not_open"
    shopper.house.forward(seconds=0.001)
    assert shopper.claim(coupon.key).status_code == 201


def test_flash_stock_is_reserved_by_pieces(shopper: Shopper) -> None:
    flash = shopper.open("flash", quantity=3, per_customer=2)
    path = f"/v1/flash/{flash.key}/reserve"
    taken = shopper.claim(flash.key, path=path, quantity=2)
    assert taken.status_code == 201, taken.text
    assert taken.json()["granted"]["amount"] == 2
    assert taken.json()["expires_at"]
    more = shopper.claim(flash.key, "c2", path=path, quantity=2)
    assert (more.status_code, more.json()["code"]) == (409, "reward_sold_out")
    last = shopper.claim(flash.key, "c2", path=path, key="k-last")
    assert last.status_code == 201


@pytest.mark.parametrize("is_known", [False, True])
@pytest.mark.parametrize(
    ("changes", "status", "code"),
    [
        ({"token": "sk_live_nobody"}, 401, "no_key"),
        ({"key": ""}, 400, "idempotency_key_missing"),
        ({"key": "two words"}, 400, "idempotency_key_missing"),
        ({"customer": None}, 422, "invalid"),
        ({"customer": ""}, 422, "invalid"),
        ({"customer": "c\0"}, 422, "invalid"),
        ({"customer": "c" * 121}, 422, "invalid"),
        ({"reward": "rwd_nothing"}, 404, "reward_unknown"),
        ({"reward": "rwd_00000000000000000000000007"}, 404, "reward_unknown"),
        ({"amount": 7}, 422, "invalid"),
        ({"customer_token": "forged"}, 401, "customer_token_bad"),
        ({"path": "/v1/flash/x/reserve", "quantity": -1}, 422, "invalid"),
        ({"path": "/v1/flash/x/reserve", "quantity": 1}, 404, "reward_unknown"),
    ],
)
def test_bad_claims_are_refused_with_a_code(
    shopper: Shopper, changes: dict[str, Any], status: int, code: str, is_known: bool
) -> None:
    coupon = shopper.open(quantity=5)
    if is_known:  # answered on the hot path then
        assert shopper.claim(coupon.key, "c0").status_code == 201
    wanted: dict[str, Any] = {"reward": coupon.key, "customer": "c1", "key": "k"} | changes
    answer = shopper.claim(**wanted)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_claim_has_few_bytes(shopper: Shopper) -> None:
    coupon = shopper.open(quantity=5)
    assert shopper.claim(coupon.key, "c0").status_code == 201
    answer = shopper.claim(coupon.key, device="x" * 20_000)
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_only_stock_is_claimed_in_pieces(shopper: Shopper) -> None:
    coupon = shopper.open(quantity=5)
    answer = shopper.claim(coupon.key, path=f"/v1/flash/{coupon.key}/reserve", quantity=3)
    assert (answer.status_code, answer.json()["code"]) == (409, "reward_not_in_pieces")


def test_broken_json_is_refused(shopper: Shopper) -> None:
    headers = {"authorization": f"Bearer {shopper.secret}", "idempotency-key": "k"}
    for body in (b"{", b"[]", b"\xff", b""):
        answer = shopper.client.post("/v1/claims", content=body, headers=headers)
        assert answer.status_code in (400, 422), body
    for method in ("GET", "PUT", "DELETE"):
        wrong = shopper.client.request(method, "/v1/claims", headers=headers)
        assert (wrong.status_code, wrong.headers["allow"]) == (405, "OPTIONS, POST")


def test_a_browser_needs_a_token_for_its_customer(shopper: Shopper) -> None:
    coupon = shopper.open(quantity=5)
    bare = shopper.claim(coupon.key, "c1", token=shopper.publishable)
    assert (bare.status_code, bare.json()["code"]) == (403, "customer_token_needed")
    asked = shopper.client.post(
        "/v1/customer-tokens",
        json={"customer_key": "c7"},
        headers={"authorization": f"Bearer {shopper.secret}"},
    )
    assert asked.status_code == 200, asked.text
    token = asked.json()["token"]
    claimed = shopper.claim(
        coupon.key, None, customer_token=token, token=shopper.publishable, key="k"
    )
    assert claimed.status_code == 201, claimed.text
    assert claimed.json()["customer_key"] == "c7"
    shopper.house.forward(hours=13)
    late = shopper.claim(
        coupon.key, None, customer_token=token, token=shopper.publishable, key="k2"
    )
    assert (late.status_code, late.json()["code"]) == (401, "customer_token_bad")


def test_a_customer_may_not_try_without_end(shopper: Shopper) -> None:
    coupon = shopper.open(quantity=500)
    answers = [shopper.claim(coupon.key, key=f"k-{n}") for n in range(30)]
    assert answers[0].status_code == 201
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1


def test_other_shops_rewards_are_unknown(shopper: Shopper, sqlite_house: TestHouse) -> None:
    other = shop_in(sqlite_house, "other")
    theirs = published(
        sqlite_house.db, other, "coupon", {"rule": RULE}, now=sqlite_house.clock, quantity=5
    )
    answer = shopper.claim(theirs.key)
    assert (answer.status_code, answer.json()["code"]) == (404, "reward_unknown")


def test_a_site_lists_what_can_be_claimed_and_what_a_customer_holds(shopper: Shopper) -> None:
    coupon = shopper.open(quantity=5)
    secret_phrase = published(
        shopper.house.db,
        shopper.shop,
        "phrase_packet",
        {"rule": RULE, "total_minor": 300, "phrase": "never shown", "products": ["tea"]},
        now=shopper.house.clock,
        quantity=3,
    )
    draw = published(
        shopper.house.db,
        shopper.shop,
        "draw",
        {"prizes": [{"name": "cup", "what": "gift", "stock": 2, "odds_ppm": 500_000}]},
        now=shopper.house.clock,
        quantity=9,
    )
    shopper.claim(coupon.key)
    headers = {"authorization": f"Bearer {shopper.publishable}"}
    answer = shopper.client.get("/v1/rewards", headers=headers)
    items = {item["key"]: item for item in answer.json()["items"]}
    assert items[coupon.key]["left"] == 4
    assert items[secret_phrase.key]["products"] == ["tea"]
    assert items[draw.key]["prizes"] == [{"name": "cup", "stock": 2, "odds_ppm": 500_000}]
    assert len(items[draw.key]["promise"]) == 64
    for secret in ("never shown", draw.seed, RULE):
        assert secret not in answer.text
    asked = {"customer_key": "c1"}
    refused = shopper.client.post("/v1/holdings", json=asked, headers=headers)
    assert refused.json()["code"] == "customer_token_needed"
    own = {"authorization": f"Bearer {shopper.secret}"}
    held = shopper.client.post("/v1/holdings", json=asked, headers=own).json()
    assert [each["granted"]["what"] for each in held["claims"]] == ["coupon"]
    assert held["points"] == 0
    nobody = shopper.client.post("/v1/holdings", json={}, headers=own)
    assert nobody.json()["fields"][0]["code"] == "customer_missing"


def test_a_friend_comes_by_a_link(shopper: Shopper) -> None:
    reward = shopper.open("share", quantity=10)
    own = {"authorization": f"Bearer {shopper.secret}"}
    asked = {"reward": reward.key, "customer_key": "lin"}
    share = shopper.client.post("/v1/shares", json=asked, headers=own).json()["share"]

    def come(customer: str, link: str | None = share, **more: Any) -> str:
        answer = shopper.claim(reward.key, customer, **({"share": link} if link else {}), **more)
        document = answer.json()
        return "granted" if answer.status_code == 201 else str(document["code"])

    assert come("mei", device="d1") == "granted"
    assert come("lin") == "share_own"
    assert come("wei", None) == "share_missing"
    assert come("wei", "forged") == "share_bad"
    assert come("wei", device="d1") == "reward_device_limit"
    assert come("mei", key="again") in ("share_back", "reward_customer_limit")
    back = shopper.client.post(
        "/v1/shares", json={"reward": reward.key, "customer_key": "mei"}, headers=own
    ).json()["share"]
    assert come("lin", back, key="back") == "share_back"
    other = shopper.open("share", quantity=10)
    moved = shopper.claim(other.key, "wei", share=share, key="moved")
    assert moved.json()["code"] == "share_bad"
    points = [
        shopper.client.post("/v1/holdings", json={"customer_key": c}, headers=own).json()["points"]
        for c in ("lin", "mei", "wei")
    ]
    assert points == [5, 3, 0]

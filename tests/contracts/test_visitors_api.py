"""A publishable key is everybody's: each visitor's calls and guesses have a bound of their own."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from springtide.api.door import WHOLE_KEY, Door
from springtide.api.guesses import ADDRESS_TRIES, CUSTOMER_TRIES
from springtide.api.limits import TooManyRequests
from springtide.domain.access.model import Scope, Shop
from springtide.domain.access.queries import caller
from springtide.flows.checkout.customer_tokens import sign_customer
from springtide.site import create_app
from tests.kit.house import TestHouse, key_in, settings_in, shop_in
from tests.kit.rewards import RULE, published
from tests.kit.storefront import stock_shelves

#: Where a request of a test comes from.
ADDRESS = "x-test-address"
CART = {"lines": [{"product_key": "tea", "quantity": 1}]}


class Visitors:
    """Visitors of one shop, from addresses of their own."""

    def __init__(self, house: TestHouse) -> None:
        self.house = house
        app = create_app(house)

        async def placed(scope: Any, receive: Any, send: Any) -> None:
            named = [value for name, value in scope.get("headers", ()) if name == ADDRESS.encode()]
            if named:
                scope["client"] = (named[0].decode(), 50_000)
            await app(scope, receive, send)

        self.client: TestClient[Any] = TestClient(placed, base_url="http://testserver.local")
        self.shop: Shop = shop_in(house)
        stock_shelves(house.db, self.shop, now=house.clock)
        scopes = (Scope.QUOTES_WRITE, Scope.CLAIMS_WRITE)
        self.browser = key_in(house, self.shop, *scopes, is_publishable=True)
        self.server = key_in(house, self.shop, *scopes)

    def token(self, customer: str) -> str:
        secret, now = self.house.settings.secret, self.house.clock
        return sign_customer(secret, shop=self.shop, customer_key=customer, now=now)[0]

    def post(self, address: str, path: str, body: Any, *, key: str = "", name: str = "k") -> Any:
        headers = {"authorization": f"Bearer {key or self.browser}", "idempotency-key": name}
        return self.client.post(path, json=body, headers=headers | {ADDRESS: address})

    def quote(self, address: str, **more: Any) -> str:
        answer = self.post(address, "/v1/quotes", CART | more)
        return str(answer.json().get("code", answer.status_code))

    def claim(
        self, address: str, customer: str, reward: str, *, name: str = "k", **more: Any
    ) -> str:
        body = {"reward": reward, "customer_token": self.token(customer)} | more
        answer = self.post(address, "/v1/claims", body, name=name)
        return str(answer.json().get("code", answer.status_code))


def house_at(house: TestHouse, folder: Path, rate: int) -> TestHouse:
    """Return the house again, with another rate of calls."""
    settings = settings_in(folder, house.db.url, api_rate_per_second=rate)
    return TestHouse(settings, house.db)


@pytest.fixture
def visitors(sqlite_house: TestHouse, tmp_path: Path) -> Iterator[Visitors]:
    house = house_at(sqlite_house, tmp_path / "quick", 10_000)
    yield Visitors(house)
    house.close()


@pytest.fixture
def slow(sqlite_house: TestHouse, tmp_path: Path) -> Iterator[Visitors]:
    house = house_at(sqlite_house, tmp_path / "slow", 1)
    yield Visitors(house)
    house.close()


def test_one_visitor_does_not_use_up_the_others_calls(slow: Visitors) -> None:
    own = [slow.quote("192.0.2.7") for _ in range(8)]
    assert own[0] == "200"
    assert "too_many_requests" in own
    assert slow.quote("192.0.2.8") == "200"
    # Behind one IPv6 line there is one visitor, whatever address it takes.
    many = [slow.quote(f"2001:db8::{number}") for number in range(1, 9)]
    assert "too_many_requests" in many
    assert slow.quote("2001:db8:0:1::1") == "200"


def test_the_whole_key_has_a_bound_too(slow: Visitors) -> None:
    door = Door(slow.house)
    with slow.house.db.read() as tx:
        known = caller(tx, token=slow.browser)
    assert known is not None
    most = 5 * WHOLE_KEY
    for number in range(most):
        door._take(known, f"198.51.100.{number}")
    refused = 0
    for number in range(most):
        try:
            door._take(known, f"203.0.113.{number}")
        except TooManyRequests:
            refused += 1
    assert refused > most // 2


def test_a_rush_of_one_address_is_bounded_on_the_hot_path(slow: Visitors) -> None:
    reward = published(
        slow.house.db, slow.shop, "coupon", {"rule": RULE}, now=slow.house.clock, quantity=900,
    ).key  # fmt: skip
    found = [slow.claim("192.0.2.7", f"c{n}", reward) for n in range(15)]
    assert found[:5] == ["201"] * 5
    assert "too_many_requests" in found
    assert slow.claim("192.0.2.8", "c-other", reward) == "201"
    # With a query the same route goes the plain way, and has a bound there.
    body = {"reward": reward, "customer_token": slow.token("c-plain")}
    plain = [slow.post("192.0.2.9", "/v1/claims?way=plain", body) for _ in range(15)]
    assert plain[0].status_code == 201
    assert "too_many_requests" in [each.json().get("code") for each in plain]


def test_codes_and_phrases_are_not_guessed(visitors: Visitors) -> None:
    now = visitors.house.clock
    packet = {"phrase": "大潮来了", "rule": RULE, "total_minor": 900}
    phrase = published(
        visitors.house.db,
        visitors.shop,
        "phrase_packet",
        packet,
        now=now,
        quantity=3,
    ).key
    coded = published(
        visitors.house.db, visitors.shop, "coupon", {"rule": RULE}, now=now, quantity=9,
        public_code="TIDE",
    ).key  # fmt: skip
    ways = ((phrase, "phrase", "大潮来了", "phrase_wrong"), (coded, "code", "TIDE", "code_unknown"))
    for number, (reward, field, right, wrong) in enumerate(ways):
        address, customer = f"192.0.2.{number}", f"guesser-{number}"
        for tried in range(CUSTOMER_TRIES):
            said = visitors.claim(
                address, customer, reward, name=f"n{tried}", **{field: f"w{tried}"}
            )
            assert said == wrong
        assert visitors.claim(address, customer, reward, **{field: right}) == "too_many_guesses"
        # Others there are not kept out, and this one claims what needs no code.
        assert visitors.claim(address, f"other-{number}", reward, **{field: right}) == "201"


def test_coupon_codes_are_not_guessed_by_quotes(visitors: Visitors) -> None:
    found = [
        visitors.quote("192.0.2.7", codes=[f"GUESS{start + number}" for number in range(20)])
        for start in range(0, 2 * ADDRESS_TRIES, 20)
    ]
    assert found[0] == "200"
    assert found[-1] == "too_many_guesses"
    assert visitors.quote("192.0.2.7") == "200"
    assert visitors.quote("192.0.2.8", codes=["LAST"]) == "200"


def test_the_same_cart_with_a_wrong_code_is_quoted_as_often_as_it_changes(
    visitors: Visitors,
) -> None:
    for _ in range(CUSTOMER_TRIES * 2):
        token = visitors.token("lin")
        assert visitors.quote("192.0.2.7", codes=["WRONG"], customer_token=token) == "200"


def test_groups_are_not_guessed(visitors: Visitors) -> None:
    headers = {"authorization": f"Bearer {visitors.browser}", ADDRESS: "192.0.2.7"}
    found = [
        visitors.client.get(f"/v1/groups/grp_{number}", headers=headers).json()["code"]
        for number in range(2 * ADDRESS_TRIES)
    ]
    assert found[0] == "group_unknown"
    assert "too_many_guesses" in found


@pytest.mark.parametrize(
    ("terms", "missing", "named"),
    [
        ({"per_device": 1}, "reward_device_missing", {"device": "d1"}),
        ({"per_address": 1}, "reward_address_missing", {"address": "192.0.2.9"}),
    ],
)
def test_what_is_counted_by_device_or_address_is_not_had_without(
    visitors: Visitors, terms: dict[str, Any], missing: str, named: dict[str, str]
) -> None:
    reward = published(
        visitors.house.db, visitors.shop, "coupon", {"rule": RULE}, now=visitors.house.clock,
        quantity=9, **terms,
    ).key  # fmt: skip

    def claim(customer: str, **more: str) -> str:
        body = {"reward": reward, "customer_key": customer} | more
        answer = visitors.post("192.0.2.7", "/v1/claims", body, key=visitors.server, name=customer)
        return str(answer.json().get("code", answer.status_code))

    assert claim("c1") == missing
    assert [claim("c1", **dict.fromkeys(named, blank)) for blank in ("", " ")] == [missing] * 2
    assert claim("c1", **named) == "201"
    assert claim("c2", **named) in ("reward_device_limit", "reward_address_limit")


def test_an_ipv6_line_is_one_address_for_a_rewards_limit(visitors: Visitors) -> None:
    reward = published(
        visitors.house.db, visitors.shop, "coupon", {"rule": RULE}, now=visitors.house.clock,
        quantity=9, per_address=1,
    ).key  # fmt: skip
    assert visitors.claim("2001:db8::1", "c1", reward) == "201"
    assert visitors.claim("2001:db8::2", "c2", reward) == "reward_address_limit"
    assert visitors.claim("2001:db8:1::1", "c3", reward) == "201"

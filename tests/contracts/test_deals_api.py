"""Group buys, presales and refunds over HTTP, as a shop's site and its server see them."""

from datetime import timedelta
from typing import Any

import pytest
from litestar.testing import TestClient

from springtide.domain.access.act import Act
from springtide.domain.access.model import Scope, Shop
from springtide.domain.rewards.model import Reward
from springtide.domain.rewards.operations import stop_reward
from springtide.flows.upkeep import look_after_rewards
from springtide.site import Site
from tests.kit.house import TestHouse, key_in, shop_in
from tests.kit.rewards import RULE, published
from tests.kit.shops import ACTOR

TIERS = [{"people": 2, "unit_minor": 900}, {"people": 3, "unit_minor": 700}]


class Seller:
    """A shop's site and its server."""

    def __init__(self, client: TestClient[Site], house: TestHouse) -> None:
        self.client, self.house = client, house
        self.shop: Shop = shop_in(house)
        scopes = (Scope.CLAIMS_WRITE, Scope.ORDERS_WRITE, Scope.ORDERS_READ)
        self.secret = key_in(house, self.shop, *scopes)
        self.publishable = key_in(house, self.shop, Scope.CLAIMS_WRITE, is_publishable=True)
        self.count = 0

    def reward(self, kind: str, **params: Any) -> Reward:
        known = {"rule": RULE, "product_key": "tea", **params}
        return published(
            self.house.db, self.shop, kind, known, now=self.house.clock, quantity=9,
            per_customer=None, hours=1,
        )  # fmt: skip

    def post(self, path: str, token: str | None = None, **body: Any) -> Any:
        self.count += 1
        headers = {
            "authorization": f"Bearer {token or self.secret}",
            "idempotency-key": str(body.pop("key", f"k{self.count}")),
        }
        return self.client.post(path, json=body, headers=headers)

    def get(self, path: str, token: str | None = None) -> Any:
        headers = {"authorization": f"Bearer {token or self.secret}"}
        return self.client.get(path, headers=headers)

    def claim(self, reward: Reward, customer: str, **more: Any) -> Any:
        return self.post("/v1/claims", reward=reward.key, customer_key=customer, **more)

    def look_after(self) -> None:
        look_after_rewards(
            self.house.db, shop=self.shop, now=self.house.clock, tiers=lambda: lambda _: None
        )


@pytest.fixture
def site(client: TestClient[Site], sqlite_house: TestHouse) -> Seller:
    return Seller(client, sqlite_house)


def presale(site: Seller) -> tuple[Reward, str]:
    reward = site.reward("presale", deposit_minor=50, worth_minor=80, balance_after_hours=1)
    return reward, site.claim(reward, "c1").json()["claim"]


def test_a_group_is_opened_joined_and_read(site: Seller) -> None:
    reward = site.reward("group_buy", tiers=TIERS)
    opened = site.claim(reward, "王小明").json()
    group = opened["granted"]["group"]
    assert group == opened["claim"]
    assert site.claim(reward, "c2", group=group).json()["granted"]["group"] == group
    (listed,) = site.get(f"/v1/groups?reward={reward.key}", site.publishable).json()["items"]
    assert listed == site.get(f"/v1/groups/{group}", site.publishable).json()
    assert (listed["size"], listed["paid"], listed["places"]) == (3, 0, 1)
    assert (listed["opened_by"], listed["unit_minor"]) == ("王**", None)
    for wrong in ("clm_00000000000000000000000000", "x", "\u0000"):
        refused = site.claim(reward, "c3", group=wrong)
        assert refused.status_code in (404, 422), wrong
    assert site.get("/v1/groups/clm_nobody").json()["code"] == "group_unknown"
    assert site.get("/v1/groups?reward=rwd_nobody").status_code in (400, 404)
    site.house.forward(seconds=3_600)
    site.look_after()
    assert site.get(f"/v1/groups/{group}").json()["state"] == "short"
    assert site.get(f"/v1/groups?reward={reward.key}").json()["items"] == []


def test_the_same_key_with_another_group_is_refused(site: Seller) -> None:
    reward = site.reward("group_buy", tiers=TIERS)
    group = site.claim(reward, "c1").json()["claim"]
    assert site.claim(reward, "c2", group=group, key="same").status_code == 201
    again = site.claim(reward, "c2", group=group, key="same")
    assert (again.status_code, again.json()["replayed"]) == (201, True)
    other = site.claim(reward, "c2", key="same")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_key_reused")


def test_a_deposit_is_paid_once(site: Seller) -> None:
    reward, claim = presale(site)
    deposit: dict[str, Any] = {"claim": claim, "payment_key": "wx-1", "amount_minor": 50}
    paid = site.post("/v1/deposits", **deposit)
    assert paid.status_code == 201, paid.text
    document = paid.json()
    assert (document["deposit_minor"], document["worth_minor"]) == (50, 80)
    begins = site.house.clock + timedelta(hours=2)
    assert document["balance_from"] == begins.isoformat().replace("+00:00", "Z")
    assert site.post("/v1/deposits", **deposit).json() == document
    for changes, status, code in (
        ({"payment_key": "wx-2"}, 409, "deposit_paid"),
        ({"amount_minor": 49}, 422, "wrong_deposit"),
        ({"claim": "clm_00000000000000000000000000"}, 404, "not_found"),
        ({"payment_key": ""}, 422, "invalid"),
        ({"amount_minor": -1}, 422, "invalid"),
    ):
        refused = site.post("/v1/deposits", **(deposit | changes))
        assert (refused.status_code, refused.json()["code"]) == (status, code)
    held = site.post("/v1/holdings", customer_key="c1").json()["claims"]
    assert [each["state"] for each in held] == ["deposited"]
    assert site.post("/v1/deposits", site.publishable, **deposit).status_code == 403
    assert reward.key == held[0]["reward"]


def test_what_is_owed_is_listed_and_paid_back(site: Seller) -> None:
    reward, claim = presale(site)
    site.post("/v1/deposits", claim=claim, payment_key="wx-1", amount_minor=50)
    browser_like = site.get("/v1/refunds", site.publishable)
    assert browser_like.status_code == 403
    with site.house.db.write() as tx:
        stop_reward(Act.of(tx, site.shop, ACTOR, site.house.clock), reward_id=reward.id)
    site.look_after()
    first = site.get("/v1/refunds?limit=1").json()
    second = site.get(f"/v1/refunds?limit=1&cursor={first['next_cursor']}").json()
    found = [*first["items"], *second["items"]]
    assert second["next_cursor"] is None
    assert [each["amount_minor"] for each in found] == [50, 50]
    assert {each["about"] for each in found} == {claim}
    key = found[0]["key"]
    done = site.post("/v1/refunds/paid", refund=key, payment_key="back-1")
    assert (done.status_code, done.json()["repaid_by"]) == (200, "back-1")
    assert site.post("/v1/refunds/paid", refund=key, payment_key="back-1").status_code == 200
    other = site.post("/v1/refunds/paid", refund=key, payment_key="back-2")
    assert (other.status_code, other.json()["code"]) == (409, "refund_repaid")
    assert site.post("/v1/refunds/paid", refund="no", payment_key="x").status_code == 404
    items = site.get("/v1/refunds").json()["items"]
    assert sorted(each["repaid_by"] or "" for each in items) == ["", "back-1"]

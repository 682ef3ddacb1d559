"""A full queue over HTTP: a place is given, kept, and lets its holder in before newcomers."""

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from litestar.testing import TestClient

from springtide.domain.access.model import Scope
from springtide.flows.claims.desk import ClaimDesk
from springtide.kit.db import Database
from springtide.site import Site, create_app
from tests.kit.house import TestHouse, key_in, settings_in, shop_in
from tests.kit.rewards import RULE, published


class SmallHouse(TestHouse):
    """A house at whose desk two may wait, one of them only at their turn."""

    def _open_desk(self) -> ClaimDesk:
        return ClaimDesk(
            self.db, self.now, secret=self.settings.secret, real_now=self.real_now, waiting_max=2
        )


@pytest.fixture
def small_house(sqlite_template: Path, tmp_path: Path) -> Iterator[SmallHouse]:
    path = tmp_path / "state.db"
    path.write_bytes(sqlite_template.read_bytes())
    url = f"sqlite:///{path}"
    house = SmallHouse(settings_in(tmp_path, url), Database(url))
    yield house
    house.close()


@pytest.mark.parametrize("is_known", [False, True])
def test_a_place_is_given_and_lets_in(small_house: SmallHouse, is_known: bool) -> None:
    house = small_house
    shop = shop_in(house)
    token = key_in(house, shop, Scope.CLAIMS_WRITE)
    coupon, gone = (
        published(house.db, shop, "coupon", {"rule": RULE}, now=house.clock, quantity=quantity)
        for quantity in (9, 1)
    )
    with TestClient(create_app(house)) as client, ThreadPoolExecutor(8) as threads:

        def claim(customer: str, place: str = "", reward: str = coupon.key) -> Any:
            headers = {"authorization": f"Bearer {token}", "idempotency-key": f"k-{customer}"}
            if not is_known:  # what a query follows is answered by the plain route
                return client.post(
                    "/v1/claims?",
                    json={"reward": reward, "customer_key": customer},
                    headers=headers | ({"waiting-place": place} if place else {}),
                    params={"plain": "1"},
                )
            return client.post(
                "/v1/claims",
                json={"reward": reward, "customer_key": customer},
                headers=headers | ({"waiting-place": place} if place else {}),
            )

        def waits(future: "Future[Any]") -> "Future[Any]":
            time.sleep(0.2)
            assert not future.done(), future.result().text
            return future

        assert [claim(c, reward=gone.key).status_code for c in ("g1", "g2")] == [201, 409]
        with house.db.write():  # nothing is decided meanwhile
            inside = [waits(threads.submit(claim, customer)) for customer in ("c1", "c2")]
            full = claim("c3")
            assert full.status_code == 429
            # There is no queue for what is gone (told at once, so within the gate's second).
            assert claim("g3", reward=gone.key).json()["code"] == "reward_sold_out"
            assert int(full.headers["retry-after"]) == 1
            said = full.json()
            assert (said["code"], said["position"]) == ("queue_full", 1)
            assert 0 < said["retry_after"] <= 1
            early = claim("c3", said["place"]).json()
            assert early["place"] == said["place"]
            house.forward(seconds=1)
            assert claim("c4").status_code == 429
            for forged in ("x", said["place"][::-1], "A" * 32):
                assert claim("c3", forged).json()["place"] != said["place"]
            assert claim("c4", said["place"]).status_code == 429
            inside.append(waits(threads.submit(claim, "c3", said["place"])))
            # The hard bound: two wait, and nobody else, whatever their place.
            assert claim("c3", said["place"]).json()["place"] == said["place"]
        answers = [each.result() for each in inside]
        assert [each.status_code for each in answers] == [201] * 3


def test_the_place_is_described(client: TestClient[Site]) -> None:
    schema = client.get("/v1/openapi.json").json()
    for path in ("/v1/claims", "/v1/flash/{reward}/reserve"):
        names = {each["name"]: each for each in schema["paths"][path]["post"]["parameters"]}
        assert names["Waiting-Place"]["required"] is False
    fields = schema["components"]["schemas"]["Problem"]["properties"]
    assert {"position", "retry_after", "place"} <= set(fields)
    allowed = client.options("/v1/claims", headers={"origin": "https://shop.test"}).headers
    assert "waiting-place" in allowed["access-control-allow-headers"]

"""A visitor of the sample storefront: claims, says a phrase, shares, buys at the best price."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Request, Route, expect

from springtide.bootstrap import House, open_house
from springtide.domain.access.model import Shop
from springtide.domain.ledger.queries import imbalances
from springtide.domain.orders.model import OrderState
from springtide.domain.orders.queries import count_by_state
from springtide.domain.pricing import operations as pricing
from springtide.domain.pricing.book import Terms
from springtide.domain.pricing.rule import Conditions
from tests.kit.house import ACTOR, settings_in, shop_in
from tests.kit.rewards import published
from tests.kit.storefront import open_sale, stock_shelves
from tests.stories import browser as browsing


def filled(house: House, shop: Shop) -> None:
    """Open a sale with a coupon, a phrase packet, a draw, check-in and sharing."""
    now = datetime.now(UTC) - timedelta(minutes=5)  # noqa: TID251 - the server's clock is real
    stock_shelves(house.db, shop, now=now)
    sale = open_sale(house.db, shop, day=now.date(), now=now)
    rules = {}
    for kind, params in (("coupon", {"discount_minor": 500}), ("red_packet", {"amount_minor": 0})):
        with house.db.write() as tx:
            rules[kind] = pricing.save_rule(
                tx,
                shop=shop,
                campaign_id=sale.id,
                rule_id=None,
                kind=kind,
                params=params,
                terms=Terms(conditions=Conditions(is_issued=True)),
                actor=ACTOR,
                now=now,
            ).key
            pricing.activate_rules(tx, shop=shop, campaign_id=sale.id, actor=ACTOR, now=now)
    packet = {"rule": rules["red_packet"], "total_minor": 2_000, "phrase": "大潮来了"}
    prizes = [{"name": "cup", "what": "gift", "stock": 9, "odds_ppm": 1_000_000}]
    share = {"what": "points", "sharer_amount": 9, "friend_amount": 4, "budget": 900}
    for kind, values in (
        ("coupon", {"rule": rules["coupon"]}),
        ("phrase_packet", packet),
        ("draw", {"prizes": prizes}),
        ("check_in", {"points": [6]}),
        ("share", share),
    ):
        published(house.db, shop, kind, values, now=now, quantity=20)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_visitor_claims_and_buys(chromium: Browser, tmp_path: Path, language: str) -> None:
    house = open_house(settings_in(tmp_path, f"sqlite:///{tmp_path}/state.db"))
    shop = shop_in(house, is_demo=True)
    filled(house, shop)
    width = 390 if language == "zh" else 1280
    with (
        browsing.server(tmp_path) as base,
        browsing.window(chromium, base, language=language, width=width) as seen,
    ):
        page = seen.open("/store/tide")
        told = page.locator("#told")
        card = ".store-reward"

        def claim(name: str) -> str:
            told.evaluate("each => { each.hidden = true; each.textContent = '' }")
            page.locator(card, has_text=name).locator("button").click()
            expect(told).to_be_visible(timeout=10_000)
            return str(told.text_content())

        expect(page.locator(card)).to_have_count(5, timeout=10_000)
        assert "a coupon" in claim("a coupon")
        expect(page.locator("#holdings")).to_contain_text("a coupon")
        page.locator(card, has_text="a phrase_packet").locator("input").fill("大潮 来了!")
        assert "1.00" in claim("a phrase_packet")
        assert "cup" in claim("a draw")
        assert "6" in claim("a check_in")
        again = claim("a check_in")
        assert "6" not in again
        link = claim("a share")
        assert f"{base}/store/tide#rwd_" in link

        page.locator("[data-product] [data-do=cart]").first.click()
        for title in ("优惠券", "红包") if language == "zh" else ("Coupon", "Red packet"):
            expect(page.locator("#cart")).to_contain_text(title)
        assert not seen.is_wider_than_the_screen()
        page.locator("#pay").click()
        expect(page.locator("#cart p")).to_be_visible(timeout=10_000)
        expect(page.locator("#holdings")).not_to_contain_text("a coupon")

        with browsing.window(chromium, base, language=language) as friend:
            friend.open("/" + link[link.index("store/tide#") :])
            expect(friend.page.locator("#holdings")).to_contain_text("4", timeout=10_000)
            assert friend.wrong == []
        # Refusals are answers with a status, which the browser notes as errors of its own.
        assert [each for each in seen.wrong if "409" not in each] == []
    with house.db.read() as tx:
        assert count_by_state(tx, shop_id=shop.id)[OrderState.PAID] == 1
        assert imbalances(tx, shop_id=shop.id) == []
    house.close()


@pytest.mark.parametrize(("language", "shown"), [("en", "41 before you"), ("zh", "前面还有 41 人")])
def test_a_visitor_waits_for_their_turn(
    chromium: Browser, tmp_path: Path, language: str, shown: str
) -> None:
    house = open_house(settings_in(tmp_path, f"sqlite:///{tmp_path}/state.db"))
    shop = shop_in(house, is_demo=True)
    filled(house, shop)
    sent: list[Request] = []

    def crowded(route: Route, request: Request) -> None:
        sent.append(request)
        if len(sent) > 2:
            route.continue_()
            return
        full = {"code": "queue_full", "position": 41, "retry_after": 0.4, "place": "a-place"}
        route.fulfill(status=429, json=full, headers={"retry-after": "1"})

    with (
        browsing.server(tmp_path) as base,
        browsing.window(chromium, base, language=language) as seen,
    ):
        page = seen.open("/store/tide")
        page.route("**/v1/claims", crowded)
        page.locator(".store-reward", has_text="a coupon").locator("button").click()
        expect(page.locator("#told")).to_have_text(shown, timeout=10_000)
        expect(page.locator("#holdings")).to_contain_text("a coupon", timeout=10_000)
    # The very same request each time, and the place from the second one on.
    assert len({(each.post_data, each.headers["idempotency-key"]) for each in sent}) == 1
    assert [each.headers.get("waiting-place") for each in sent] == [None, "a-place", "a-place"]
    house.close()


def test_only_demo_shops_have_a_window(chromium: Browser, tmp_path: Path) -> None:
    house = open_house(settings_in(tmp_path, f"sqlite:///{tmp_path}/state.db"))
    shop_in(house)
    with browsing.server(tmp_path) as base, browsing.window(chromium, base) as seen:
        for path in ("/store/tide", "/store/nobody"):
            answer = seen.page.goto(base + path)
            assert answer is not None
            assert answer.status == 404
    house.close()

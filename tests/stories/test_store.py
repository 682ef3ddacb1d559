"""A visitor of the sample storefront: claims, says a phrase, shares, buys at the best price."""

from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Request, Route, expect

from springtide.bootstrap import House, open_house
from springtide.domain.access.model import Shop
from springtide.domain.ledger.queries import imbalances
from springtide.domain.orders.model import OrderState
from springtide.domain.orders.queries import count_by_state
from springtide.domain.pricing.rule import Conditions, ProductSet
from springtide.domain.rewards.refunds import refunds_page
from springtide.flows.upkeep import look_after_rewards
from tests.kit.house import settings_in, shop_in
from tests.kit.rewards import published, ticketed_draw
from tests.kit.storefront import stock_shelves
from tests.kit.till import ISSUED, Till
from tests.stories import browser as browsing


def filled(house: House, shop: Shop) -> None:
    """Open a sale with a coupon, a phrase packet, a draw, check-in and sharing."""
    till = Till(house.db, house.real_now() - timedelta(minutes=5), shop)
    rules = {
        kind: till.rule(kind, params, ISSUED)
        for kind, params in (
            ("coupon", {"discount_minor": 500}),
            ("red_packet", {"amount_minor": 0}),
        )
    }
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
        till.reward(kind, values, quantity=20)


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


def offered(house: House, shop: Shop) -> None:
    """Open a sale with a group buy and a presale of the pot."""
    till = Till(house.db, house.real_now() - timedelta(minutes=5), shop)
    conditions = Conditions(products=ProductSet(keys=("pot",)), is_issued=True)
    tiers = [{"people": 2, "unit_minor": 16_000}]
    group = {
        "rule": till.rule("fixed_price", {"price_minor": 16_800}, conditions),
        "product_key": "pot",
        "tiers": tiers,
    }
    presale = {
        "rule": till.rule("red_packet", {}, conditions),
        "product_key": "pot",
        "deposit_minor": 1_000,
        "worth_minor": 2_000,
        "balance_after_hours": 1,
    }
    till.reward("group_buy", group, quantity=9, per_customer=None)
    till.reward("presale", presale, quantity=9)


def test_friends_buy_together(chromium: Browser, tmp_path: Path) -> None:
    house = open_house(settings_in(tmp_path, f"sqlite:///{tmp_path}/state.db"))
    shop = shop_in(house, is_demo=True)
    offered(house, shop)
    with (
        browsing.server(tmp_path) as base,
        browsing.window(chromium, base, language="zh", width=390) as seen,
        browsing.window(chromium, base, language="en") as friend,
    ):
        page = seen.open("/store/tide")
        page.locator(".store-reward", has_text="a presale").get_by_role("button").click()
        expect(page.locator("#told")).to_contain_text("定金已付", timeout=10_000)
        expect(page.locator("#holdings")).to_contain_text("a presale")
        page.locator(".store-reward", has_text="a group_buy").get_by_role("button").click()
        expect(page.locator("#told")).to_contain_text("#rwd_", timeout=10_000)
        link = str(page.locator("#told").text_content())
        expect(page.locator("#cart")).to_contain_text("168.00")
        assert not seen.is_wider_than_the_screen()
        page.locator("#pay").click()
        expect(page.locator("#told")).to_contain_text("谢谢", timeout=10_000)

        friend.open("/" + link[link.index("store/tide#") :])
        friend.page.get_by_role("button", name="Join").click()
        expect(friend.page.locator("#cart")).to_contain_text("168.00", timeout=10_000)
        friend.page.locator("#pay").click()
        expect(friend.page.locator("#told")).to_contain_text("Thank you", timeout=10_000)
        assert seen.wrong == friend.wrong == []
    look_after_rewards(house.db, shop=shop, now=house.real_now(), tiers=lambda: lambda _: None)
    with house.db.read() as tx:
        assert imbalances(tx, shop_id=shop.id) == []
        owed = refunds_page(tx, shop_id=shop.id)
    # Both paid the rule's price; the group of two pays 160.00.
    assert [each.amount_minor for each in owed] == [800, 800]
    house.close()


@pytest.mark.parametrize(("language", "width"), [("en", 1280), ("zh", 390)])
def test_a_visitor_does_a_task_and_draws(
    chromium: Browser, tmp_path: Path, language: str, width: int
) -> None:
    house = open_house(settings_in(tmp_path, f"sqlite:///{tmp_path}/state.db"))
    shop = shop_in(house, is_demo=True)
    now = house.real_now() - timedelta(minutes=5)
    stock_shelves(house.db, shop, now=now)
    draw = ticketed_draw(house.db, shop, now=now).key
    task = {"deed": "cart", "wanted": 2, "what": "tickets", "amount": 1, "draw": draw}
    for kind, params, terms in (
        ("task", task, {}),
        ("ticket", {"draw": draw}, {"cost_points": 77}),
        ("check_in", {"points": [3, 8]}, {"tiers": ("Champions",), "weekdays": tuple(range(7))}),
    ):
        published(house.db, shop, kind, params, now=now, quantity=9, **terms)
    with (
        browsing.server(tmp_path) as base,
        browsing.window(chromium, base, language=language, width=width) as seen,
    ):
        page, zh = seen.open("/store/tide"), language == "zh"

        def card(name: str) -> Locator:
            return page.locator(".store-reward", has=page.get_by_text(name, exact=True))

        def says(name: str, *texts: str) -> None:
            for text in texts:
                expect(card(name)).to_contain_text(text, timeout=10_000)

        says("a draw", "您有 0 张" if zh else "you have 0", "a task", "a ticket")
        says("a ticket", "77 积分" if zh else "77 points")
        says("a check_in", "顶级客户" if zh else "Champions", "星期日" if zh else "Sunday")
        says("a check_in", "连续第 1 天" if zh else "Day 1 in a row")
        says("a task", "已完成 0/2" if zh else "0 of 2 done")
        told = page.locator("#told")
        for name, refused in (
            ("a check_in", "仅限客户等级：顶级客户" if zh else "other customer tiers: Champions"),
            ("a task", "今天 0/2" if zh else "0 of 2 today"),
            ("a draw", "没有这次抽奖的抽奖券" if zh else "no ticket"),
        ):
            card(name).locator("button").click()
            expect(told).to_contain_text(refused, timeout=10_000)
        for place in range(2):
            page.locator("[data-product] [data-do=cart]").nth(place).click()
            says("a task", f"已完成 {place + 1}/2" if zh else f"{place + 1} of 2 done")
        card("a task").locator("button").click()
        says("a draw", "您有 1 张" if zh else "you have 1")
        expect(page.locator("#holdings")).to_contain_text("抽奖券：1 张" if zh else "draw: 1")
        says("a task", "今天已领" if zh else "had it today")
        card("a draw").locator("button").click()
        expect(told).to_contain_text("cup", timeout=10_000)
        says("a draw", "您有 0 张" if zh else "you have 0")
        assert not seen.is_wider_than_the_screen()
        # Refusals are answers with a status, which the browser notes as errors of its own.
        assert [each for each in seen.wrong if "409" not in each and "403" not in each] == []
    with house.db.read() as tx:
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

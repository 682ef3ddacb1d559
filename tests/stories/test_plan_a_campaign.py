"""Planning a sale in the browser: from nothing to a schedule, and what happens to wrong input."""

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from litestar.testing import TestClient

from springtide.domain.access.act import Act
from springtide.domain.access.model import Role, Shop
from springtide.domain.campaigns.model import Campaign
from springtide.domain.campaigns.queries import campaign, campaign_tasks, campaigns
from springtide.domain.catalog.model import Product
from springtide.domain.catalog.operations import upsert_products
from springtide.domain.pricing.book import BookPrice
from springtide.domain.pricing.operations import set_book_prices
from springtide.domain.pricing.queries import campaign_rules, terms_of_campaign
from springtide.domain.pricing.rules import RULES
from springtide.flows.timeline.planning import actions_of
from springtide.site import Site
from tests.kit.house import ACTOR, Browser, TestHouse, person_in, shop_in

LADDER = {
    "steps.0.threshold_minor": "169",
    "steps.0.discount_minor": "10",
    "steps.1.threshold_minor": "299.00",
    "steps.1.discount_minor": "20",
}


class Team:
    """A shop with two products and the browser of its owner."""

    def __init__(self, client: TestClient[Site], house: TestHouse) -> None:
        self.house = house
        self.client = client
        self.shop: Shop = shop_in(house)
        self.owner = self.browser(Role.OWNER)
        with house.db.write() as tx:
            products = [Product("tea", "Green tea <b>"), Product("cup", "Tea cup")]
            now = house.real_now()
            upsert_products(Act.of(tx, self.shop, ACTOR, now), products=products)
            prices = {"tea": BookPrice(10_000, 8_000), "cup": BookPrice(4_550, 3_000)}
            set_book_prices(Act.of(tx, self.shop, ACTOR, now), prices=prices, why="test")

    def browser(self, role: Role) -> Browser:
        """Return the browser of someone of a role."""
        return Browser(self.client, self.house).sign_in(person_in(self.house, self.shop, role))

    def plan(self) -> str:
        """Plan a sale; return its address."""
        answer = self.owner.post(
            "/shops/tide/campaigns/new",
            {"name": "Double 11", "day": "2025-11-20", "goals.paid_minor": "1,000.00"},
        )
        assert answer.status_code == 303
        return str(answer.headers["location"])

    def stored(self) -> Campaign:
        """Return the one campaign as it is kept."""
        with self.house.db.read() as tx:
            return campaigns(tx, shop_id=self.shop.id)[0]


@pytest.fixture
def team(client: TestClient[Site], sqlite_house: TestHouse) -> Team:
    return Team(client, sqlite_house)


def test_a_shop_without_campaigns_is_told_what_to_do_next(team: Team) -> None:
    page = team.owner.get("/shops/tide/campaigns")
    assert "Plan your first sale" in page.text
    assert "/shops/tide/campaigns/new" in page.text


def test_a_sale_goes_from_a_name_and_a_day_to_a_schedule(team: Team) -> None:
    base = team.plan()
    added = team.owner.post(f"{base}/prices/heroes", {"add": "tea", "heroes.tea": "89.00"})
    assert added.status_code == 303
    assert team.owner.post(f"{base}/prices/ladder", LADDER).status_code == 303
    assert team.owner.post(f"{base}/schedule").status_code == 303
    stored = team.stored()
    with team.house.db.read() as tx:
        actions = actions_of(tx, shop_id=team.shop.id, campaign_id=stored.id)
        rules = campaign_rules(tx, shop_id=team.shop.id, campaign_id=stored.id)
    assert actions[0].due_at == datetime(2025, 11, 19, 16, tzinfo=UTC)
    assert len(rules[0].params["steps"]) == 2
    page = team.owner.get(base)
    assert page.status_code == 200
    assert "Double 11" in page.text
    assert "CN¥169.00 − CN¥10.00" in page.text
    for tab in ("", "/prices", "/rules", "/try", "/tasks", "/edit"):
        text = team.owner.get(f"{base}{tab}").text
        assert " style=" not in text
        assert "<b>" not in text


def test_a_ladder_for_a_product_nobody_sells_is_refused_and_kept_in_the_form(team: Team) -> None:
    base = team.plan()
    typed = {**LADDER, "products": "tea teapott"}
    refused = team.owner.post(f"{base}/prices/ladder", typed)
    assert refused.status_code == 422
    assert "tea teapott" in refused.text
    assert "“teapott”" in refused.text
    with team.house.db.read() as tx:
        assert not campaign_rules(tx, shop_id=team.shop.id, campaign_id=team.stored().id)
    assert (
        team.owner.post(f"{base}/prices/ladder", {**LADDER, "products": "tea"}).status_code == 303
    )


def test_the_sample_cart_is_priced_as_typed_and_says_what_is_missing(team: Team) -> None:
    base = team.plan()
    team.owner.post(f"{base}/prices/heroes", {"add": "tea", "heroes.tea": "89.00"})
    cart = {"sample.0.product_key": "tea", "sample.0.quantity": "2"}
    text = team.owner.post(f"{base}/prices/sample", {**LADDER, **cart}).text
    assert "CN¥168.00" in text
    assert "add CN¥121.00 to save CN¥10.00" in text
    wrong = {**LADDER, **cart, "steps.1.discount_minor": "9"}
    assert "does not give more" in team.owner.post(f"{base}/prices/sample", wrong).text
    unknown = {**LADDER, "sample.0.product_key": "ghost", "sample.0.quantity": "1"}
    assert "ghost has no price" in team.owner.post(f"{base}/prices/sample", unknown).text


def test_every_kind_of_rule_has_a_form_in_both_languages(team: Team) -> None:
    base = team.plan()
    listed = team.owner.get(f"{base}/rules").text
    for kind in RULES:
        assert f"rules/new?kind={kind}" in listed
        for language in ("en", "zh-CN"):
            answer = team.owner.get(
                f"{base}/rules/new?kind={kind}", headers={"accept-language": language}
            )
            assert answer.status_code == 200
            assert " style=" not in answer.text
    assert team.owner.get(f"{base}/rules/new?kind=magic").status_code == 422


def test_a_rule_is_built_tried_refused_saved_changed_and_removed(team: Team) -> None:
    base = team.plan()
    coupon = {"kind": "coupon", "name": "Tide 11", "percent_bps": "101", "conditions.code": "TIDE"}
    refused = team.owner.post(f"{base}/rules", coupon)
    assert refused.status_code == 422
    assert "above 0 and at most 100" in refused.text
    assert 'value="101"' in refused.text
    assert 'value="TIDE"' in refused.text
    coupon["percent_bps"] = "12.5"
    cart = {"sample.0.product_key": "tea", "sample.0.quantity": "2", "sample.codes": "tide"}
    sample = team.owner.post(f"{base}/rules/sample", {**coupon, **cart}).text
    assert "CN¥175.00" in sample
    without = team.owner.post(f"{base}/rules/sample", {**coupon, **cart, "sample.codes": ""}).text
    assert "its code was not entered" in without
    assert team.owner.post(f"{base}/rules", coupon).status_code == 303
    with team.house.db.read() as tx:
        (saved,) = campaign_rules(tx, shop_id=team.shop.id, campaign_id=team.stored().id)
    assert saved.params == {"percent_bps": 1_250}
    assert saved.terms.conditions.code == "TIDE"
    assert "12.5" in team.owner.get(f"{base}/rules/{saved.key}").text
    changed = {**coupon, "rule": saved.key, "percent_bps": "10"}
    assert team.owner.post(f"{base}/rules", changed).status_code == 303
    listed = team.owner.get(f"{base}/rules").text
    assert "Tide 11" in listed
    assert "version 2" in listed
    assert team.owner.post(f"{base}/rules/{saved.key}/remove").status_code == 303
    with team.house.db.read() as tx:
        assert not campaign_rules(tx, shop_id=team.shop.id, campaign_id=team.stored().id)
    assert team.owner.get(f"{base}/rules/{saved.key}").status_code == 404


def test_guard_and_returns_are_saved_and_a_guard_out_of_range_is_refused(team: Team) -> None:
    base = team.plan()
    wanted = {"guard_mode": "refuse", "guard_margin": "15", "returns": "reprice"}
    assert team.owner.post(f"{base}/rules/terms", wanted).status_code == 303
    with team.house.db.read() as tx:
        terms = terms_of_campaign(tx, shop_id=team.shop.id, campaign_id=team.stored().id)
    assert (terms.guard.mode, terms.guard.margin_bps, terms.returns) == ("refuse", 1_500, "reprice")
    for wrong in ({**wanted, "guard_margin": "120"}, {**wanted, "returns": "never"}):
        assert team.owner.post(f"{base}/rules/terms", wrong).status_code == 422


def test_two_heroes_at_one_price_point_are_named(team: Team) -> None:
    base = team.plan()
    team.owner.post(f"{base}/prices/heroes", {"add": "tea", "heroes.tea": "89.00"})
    assert "price point" not in team.owner.get(f"{base}/prices").text
    with team.house.db.write() as tx:
        now = team.house.real_now()
        tea_pot = Product("pot", "Tea pot")
        upsert_products(Act.of(tx, team.shop, ACTOR, now), products=[tea_pot])
        prices = {"pot": BookPrice(12_000, cost_minor=6_000)}
        set_book_prices(Act.of(tx, team.shop, ACTOR, now), prices=prices, why="test")
    team.owner.post(f"{base}/prices/heroes", {"add": "pot", "heroes.pot": "88.00"})
    page = team.owner.get(f"{base}/prices").text
    assert "At one price point (within 5%): Tea pot / Green tea" in page
    assert "31.8%" in page


def test_a_plan_is_tried_on_past_orders_or_refused_by_day(team: Team) -> None:
    base = team.plan()
    days = {"since": "2025-10-01", "until": "2025-10-31"}
    assert "Pricing past orders" in team.owner.post(f"{base}/try", days).text
    for wrong in ({**days, "until": "2025-09-01"}, {**days, "since": "yesterday"}):
        refused = team.owner.post(f"{base}/try", wrong)
        assert refused.status_code == 422
    assert "is not a day" in refused.text


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ({"name": "", "day": "2025-11-20"}, "A campaign needs a name"),
        ({"name": "x", "day": "tomorrow"}, "Choose the day of the sale."),
        ({"name": "x", "day": "2025-11-20", "goals.paid_minor": "much"}, "is not an amount"),
        ({"name": "x", "day": "2025-11-20", "goals.units": "-1"}, "is not a whole number"),
    ],
)
def test_a_wrong_plan_comes_back_as_it_was_typed(
    team: Team, typed: dict[str, str], message: str
) -> None:
    answer = team.owner.post("/shops/tide/campaigns/new", typed)
    assert answer.status_code == 422
    assert message in answer.text
    for value in typed.values():
        assert f'value="{value}"' in answer.text


def test_a_price_below_the_floor_is_refused_beside_its_field(team: Team) -> None:
    base = team.plan()
    answer = team.owner.post(f"{base}/prices/heroes", {"add": "tea", "heroes.tea": "79.99"})
    assert answer.status_code == 422
    assert "79.99 is below the floor of 80.00" in answer.text
    assert team.stored().heroes == ()


def test_a_stale_form_says_who_changed_what_and_keeps_what_was_typed(team: Team) -> None:
    base = team.plan()
    other = team.browser(Role.OPERATIONS)
    typed = {"name": "Double 11", "day": "2025-11-20", "version": "1"}
    assert other.post(f"{base}/edit", {**typed, "note": "Bring snacks"}).status_code == 303
    answer = team.owner.post(f"{base}/edit", {**typed, "name": "Double 12", "note": "Mine"})
    assert answer.status_code == 409
    assert "operations@tide.test saved this campaign" in answer.text
    assert "Changed: note" in answer.text
    assert "Mine</textarea>" in answer.text
    assert team.stored().name == "Double 11"
    version = re.search(r'name="version" value="(\d+)"', answer.text)
    assert version
    again = {**typed, "name": "Double 12", "version": version[1]}
    assert team.owner.post(f"{base}/edit", again).status_code == 303
    assert team.stored().name == "Double 12"


def test_phases_out_of_order_are_refused_at_their_field(team: Team) -> None:
    base = team.plan()
    typed: dict[str, Any] = {"name": "x", "day": "2025-11-20", "version": "1"}
    answer = team.owner.post(f"{base}/edit", {**typed, "phases.burst.starts": "D-1 23:00"})
    assert answer.status_code == 422
    assert "This phase starts before “Warm-up” ends." in answer.text
    answer = team.owner.post(f"{base}/edit", {**typed, "phases.burst.ends": "noon"})
    assert "is not a plan time" in answer.text


def test_anyone_of_the_team_ticks_and_only_planners_change_the_plan(team: Team) -> None:
    base = team.plan()
    packer = team.browser(Role.WAREHOUSE)
    stored = team.stored()
    with team.house.db.read() as tx:
        task = campaign_tasks(tx, shop_id=team.shop.id, campaign_id=stored.id)[0]
    for item in task.checklist:
        answer = packer.post(
            f"{base}/tasks/{task.key}/lines/{item.position}",
            {"done": "on"},
            headers={"HX-Request": "true"},
        )
        assert answer.status_code in (200, 201)
    assert "done by warehouse@tide.test" in answer.text
    assert packer.post(f"{base}/edit", {"name": "Mine", "version": "1"}).status_code == 403
    assert packer.post(f"{base}/prices/ladder", LADDER).status_code == 403
    for path in ("/rules", "/rules/terms", "/rules/rul_x/remove", "/try"):
        assert packer.post(f"{base}{path}", {"kind": "coupon"}).status_code == 403
    assert packer.get(base).status_code == 200
    with team.house.db.read() as tx:
        assert campaign(tx, shop_id=team.shop.id, campaign_id=stored.id).name == "Double 11"


def test_a_campaign_of_another_shop_does_not_exist_here(team: Team) -> None:
    base = team.plan()
    other = shop_in(team.house, "other")
    stranger = Browser(team.client, team.house).sign_in(person_in(team.house, other, Role.OWNER))
    path = base.replace("/shops/tide/", "/shops/other/")
    assert stranger.get(path).status_code == 404
    assert stranger.get("/shops/other/campaigns/cmp_nonsense").status_code == 404

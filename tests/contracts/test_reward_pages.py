"""The pages of rewards and of the ledger: made, published, watched, stopped, in both languages."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from litestar.testing import TestClient

from springtide.domain.access.act import Act
from springtide.domain.access.model import Role
from springtide.domain.campaigns import operations as campaigns
from springtide.domain.campaigns.model import Goals
from springtide.domain.pricing import operations as pricing
from springtide.domain.pricing.book import Terms
from springtide.domain.pricing.rule import Conditions
from springtide.domain.rewards.games import GAMES
from springtide.site import Site
from springtide.web.frame.render import LANGUAGE_COOKIE
from tests.kit.house import ACTOR, Browser, TestHouse, person_in, shop_in
from tests.kit.rewards import attempt, claimed, codes, ticketed_draw

BASE = "/shops/tide/rewards"


class Office:
    """A shop's back office with price rules that rewards are spent by."""

    def __init__(self, client: TestClient[Site], house: TestHouse) -> None:
        self.house, self.shop = house, shop_in(house)
        owner = person_in(house, self.shop, Role.OWNER)
        self.browser = Browser(client, house).sign_in(owner)
        self.client = client
        now = house.clock
        with house.db.write() as tx:
            self.campaign = campaigns.create_campaign(
                Act.of(tx, self.shop, ACTOR, now), name="618", day=now.date(), goals=Goals()
            )
        self.coupon = self.rule("coupon", {"discount_minor": 500})
        self.packet = self.rule("red_packet", {"amount_minor": 0})
        self.draw = ticketed_draw(house.db, self.shop, now=now).key

    def rule(self, kind: str, params: dict[str, Any]) -> str:
        with self.house.db.write() as tx:
            return pricing.save_rule(
                Act.of(tx, self.shop, ACTOR, self.house.clock),
                campaign_id=self.campaign.id,
                rule_id=None,
                kind=kind,
                params=params,
                terms=Terms(conditions=Conditions(is_issued=True)),
            ).key

    def typed(self, kind: str, **changes: str) -> dict[str, str]:
        opens = self.house.clock.astimezone(self.shop.tz)
        return {
            "kind": kind,
            "name": "Tide & <b>Co</b>",
            "opens_at": f"{opens:%Y-%m-%dT%H:%M}",
            "closes_at": f"{opens + timedelta(days=2):%Y-%m-%dT%H:%M}",
            "quantity": "10",
            "per_customer": "1",
            **changes,
        }

    def save(self, kind: str, **changes: str) -> Any:
        return self.browser.post(BASE, self.typed(kind, **changes))

    def saved(self, kind: str, **changes: str) -> str:
        answer = self.save(kind, **changes)
        assert answer.status_code == 303, answer.text[-3_000:]
        return str(answer.headers["location"])


@pytest.fixture
def office(client: TestClient[Site], sqlite_house: TestHouse) -> Office:
    return Office(client, sqlite_house)


def examples(office: Office) -> dict[str, dict[str, str]]:
    return {
        "coupon": {"rule": office.coupon},
        "packet": {"rule": office.packet, "total_minor": "10", "split": "even_odds"},
        "phrase_packet": {"rule": office.packet, "total_minor": "10", "phrase": "大潮来了"},
        "flash": {"rule": office.coupon, "product_key": "tea"},
        "group_buy": {
            "rule": office.coupon,
            "product_key": "tea",
            "tiers.0.people": "2",
            "tiers.0.unit_minor": "80",
            "tiers.1.people": "3",
            "tiers.1.unit_minor": "70",
        },
        "presale": {
            "rule": office.packet,
            "product_key": "tea",
            "deposit_minor": "10",
            "worth_minor": "20",
            "balance_after_hours": "12",
        },
        "draw": {
            "prizes.0.name": "cup",
            "prizes.0.what": "gift",
            "prizes.0.stock": "3",
            "prizes.0.odds_ppm": "12.5",
            "prizes.2.name": "red",
            "prizes.2.what": "packet",
            "prizes.2.stock": "5",
            "prizes.2.odds_ppm": "0.01",
            "prizes.2.amount": "800",
            "prizes.2.rule": office.packet,
        },
        "check_in": {"points": "1, 2，5"},
        "share": {"what": "points", "sharer_amount": "9", "budget": "900", "when": "order"},
        "buy_to_get": {
            "what": "points",
            "amount": "1",
            "per_minor": "1.00",
            "budget": "10000",
            "by_tier.0.tier": "Champions",
            "by_tier.0.percent_bps": "200",
        },
        "task": {"deed": "cart", "wanted": "3", "what": "tickets", "amount": "1",
                 "draw": office.draw},
        "ticket": {"draw": office.draw, "amount": "2", "cost_points": "50"},
    }  # fmt: skip


@pytest.mark.parametrize("kind", sorted(GAMES))
def test_a_reward_of_every_kind_is_made_and_published(office: Office, kind: str) -> None:
    form = office.browser.get(f"{BASE}/new?kind={kind}")
    assert form.status_code == 200
    assert examples(office).keys() == set(GAMES)
    place = office.saved(kind, **examples(office)[kind])
    assert office.browser.get(f"{place}/edit").status_code == 200
    assert office.browser.post(f"{place}/publish").status_code == 303
    page = office.browser.get(place)
    assert page.status_code == 200
    assert "&lt;b&gt;Co&lt;/b&gt;" in page.text
    assert "<b>Co</b>" not in page.text
    account = page.text.split("/ledger/account?key=")[1].split('"')[0]
    assert office.browser.get(f"/shops/tide/ledger/account?key={account}").status_code == 200
    assert office.browser.get(BASE).text.count("progress") >= 1
    assert office.browser.post(f"{place}/stop").status_code == 303
    assert "add up" in office.browser.get("/shops/tide/ledger").text


def test_tiers_days_and_draws_are_typed_again_as_they_were_saved(office: Office) -> None:
    more = {"tiers.0": "on", "weekdays.5": "on"}
    place = office.saved("buy_to_get", **examples(office)["buy_to_get"], **more)
    page = office.browser.get(f"{place}/edit").text
    for value in (
        'name="tiers.0" value="on" checked',
        'name="weekdays.5" value="on" checked',
        '<option value="Champions" selected>',
        'value="200"',
    ):
        assert value in page, value
    place = office.saved("ticket", **examples(office)["ticket"])
    assert f'<option value="{office.draw}" selected>' in office.browser.get(f"{place}/edit").text
    assert "Saturday" in office.browser.get(BASE).text


def test_what_is_typed_again_is_what_was_saved(office: Office) -> None:
    place = office.saved("draw", **examples(office)["draw"], **{"weekdays.2": "on"})
    page = office.browser.get(f"{place}/edit").text
    for value in (
        'value="12.5"',
        'value="0.01"',
        'value="800"',
        'name="weekdays.2" value="on" checked',
    ):
        assert value in page, value


def test_claims_are_seen_down_to_their_transfers(office: Office) -> None:
    place = office.saved("packet", **examples(office)["packet"])
    office.browser.post(f"{place}/publish")
    reward_id = _id(place)
    done = claimed(office.house.db, office.shop, attempt(reward_id, "lin"), now=office.house.clock)
    assert codes(done) == ["packet"]
    page = office.browser.get(place).text
    assert "lin" in page
    transfers = page.split("/ledger/transfers?claim=")[1].split('"')[0]
    moved = office.browser.get(f"/shops/tide/ledger/transfers?claim={transfers}").text
    assert ":money" in moved
    assert "packets:" in moved
    assert "lin" in office.browser.get("/shops/tide/ledger?q=lin").text


@pytest.mark.parametrize(
    ("kind", "changes", "field"),
    [
        ("coupon", {"rule": ""}, "rule"),
        ("coupon", {"rule": "rul_00000000000000000000000001"}, "rule"),
        ("coupon", {"quantity": "many"}, "quantity"),
        ("coupon", {"quantity": "-1"}, "quantity"),
        ("coupon", {"quantity": ""}, "quantity"),
        ("coupon", {"name": " "}, "name"),
        ("coupon", {"opens_at": "soon"}, "opens_at"),
        ("coupon", {"closes_at": "2020-01-01T00:00"}, "closes_at"),
        ("packet", {"total_minor": "0.05"}, "total_minor"),
        ("draw", {"prizes.2.odds_ppm": "99"}, "prizes"),
        ("draw", {"prizes.2.stock": "0"}, "prizes.2.stock"),
        ("draw", {"prizes.2.odds_ppm": "1e99999"}, "prizes.2.odds_ppm"),
        ("draw", {"prizes.2.odds_ppm": "nan"}, "prizes.2.odds_ppm"),
        ("check_in", {"points": "1, two"}, "points"),
        ("buy_to_get", {"by_tier.0.percent_bps": "50"}, "by_tier.0.percent_bps"),
        ("buy_to_get", {"by_tier.0.tier": "Gods"}, "by_tier.0.tier"),
        ("buy_to_get", {"by_tier.1.tier": "Lost"}, "by_tier.1.percent_bps"),
        ("buy_to_get", {"what": "tickets"}, "draw"),
        ("task", {"wanted": "0"}, "wanted"),
        ("task", {"deed": "sleep"}, "deed"),
        ("task", {"draw": ""}, "draw"),
        ("task", {"what": "packet"}, "rule"),
        ("task", {"wanted": "2", "products": "tea"}, "wanted"),
        ("ticket", {"draw": ""}, "draw"),
        ("ticket", {"draw": "rwd_00000000000000000000000001"}, "draw"),
        ("ticket", {"draw": "nonsense"}, "draw"),
        ("ticket", {"amount": "0"}, "amount"),
        ("ticket", {"amount": "1000000000", "quantity": "1000000000"}, "quantity"),
    ],
)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_bad_input_is_refused_at_its_field(
    office: Office, kind: str, changes: dict[str, str], field: str, language: str
) -> None:
    typed = examples(office)[kind] | changes
    office.browser.cookies[LANGUAGE_COOKIE] = language
    answer = office.browser.post(BASE, office.typed(kind, **typed))
    assert answer.status_code == 422
    assert ("返回权益" in answer.text) == (language == "zh")
    assert "invalid-feedback" in answer.text or f"{field}-error" in answer.text
    # Nothing typed is lost.
    assert "Tide &amp; &lt;b&gt;Co&lt;/b&gt;" in answer.text or "name" in changes


def test_codes_are_made_and_downloaded(office: Office) -> None:
    place = office.saved("coupon", **examples(office)["coupon"], needs_code="on")
    for count in ("", "many", "0", "-3", "9999999"):
        assert office.browser.post(f"{place}/codes", {"count": count}).status_code == 303
    assert office.browser.get(place).text.count("/codes/") == 0
    assert office.browser.post(f"{place}/codes", {"count": "12001"}).status_code == 303
    assert "/codes/1" in office.browser.get(place).text
    lines = office.browser.get(f"{place}/codes/1").text.strip().splitlines()
    assert lines[0].lstrip("\ufeff") == "code,used"
    assert len(set(lines)) == 12_002
    assert all(line.endswith(",no") for line in lines[1:])


def test_a_targeted_reward_is_handed_to_the_worker(office: Office) -> None:
    place = office.saved("coupon", **examples(office)["coupon"], is_targeted="on")
    for who, days in (("nobody", "30"), ("cart", "many"), ("cart", "0"), ("cart", "9999")):
        refused = office.browser.post(f"{place}/issue", {"who": who, "days": days})
        assert refused.status_code == 303
    assert "progress" not in office.browser.get(f"{place}/issue").text
    sent = {"who": "tier:Champions", "days": "30", "give": "on"}
    assert office.browser.post(f"{place}/issue", sent).status_code == 303
    assert "<progress" in office.browser.get(f"{place}/issue").text


def test_a_published_reward_is_frozen(office: Office) -> None:
    place = office.saved("coupon", **examples(office)["coupon"])
    office.browser.post(f"{place}/publish")
    key = place.rpartition("/")[2]
    again = office.save("coupon", reward=key, **examples(office)["coupon"])
    assert again.status_code == 422
    assert "stays as it is" in again.text


def test_only_who_plans_may_change(office: Office) -> None:
    place = office.saved("coupon", **examples(office)["coupon"])
    service = person_in(office.house, office.shop, Role.CUSTOMER_SERVICE)
    browser = Browser(office.client, office.house).sign_in(service)
    assert browser.get(place).status_code == 200
    for path in (f"{place}/publish", f"{place}/stop", BASE):
        assert browser.post(path, office.typed("coupon")).status_code == 403


def _id(place: str) -> UUID:
    from springtide.kit.ids import inward

    return inward("rwd", place.rpartition("/")[2])

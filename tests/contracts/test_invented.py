"""One file is enough: an invented channel and an invented rule work by their classes alone."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from litestar.testing import TestClient

from springtide.domain.access.act import Act
from springtide.domain.access.model import Role
from springtide.domain.customers.model import CustomerEntry
from springtide.domain.customers.operations import opt_out, upsert_customers
from springtide.domain.outreach import operations, queries
from springtide.domain.outreach.delivery import Sender, send_batch
from springtide.domain.outreach.model import Draft, MessageState, Segment
from springtide.domain.outreach.ports import channels
from springtide.domain.pricing import operations as pricing
from springtide.domain.pricing.model import CartLine
from springtide.domain.pricing.plan import Plan
from springtide.domain.pricing.rules import RULES
from springtide.flows.checkout.buyer import Wanted
from springtide.flows.checkout.place import prepare
from springtide.kit.errors import Invalid
from springtide.kit.ids import outward
from springtide.site import Site
from tests.kit.house import ACTOR, Browser, TestHouse, person_in, shop_in
from tests.kit.invented_channels.pager import Pager
from tests.kit.pricing import rule
from tests.kit.storefront import open_sale, stock_shelves

FILE = {
    "yes": {"pager": "555-01", "pager_ok": "yes"},
    "no": {"pager": "555-02", "pager_ok": "no"},
    "unasked": {"pager": "555-03"},
    "none": {"pager_ok": "yes"},
    "broken": {"pager": "555\r\nTo: all", "pager_ok": "yes"},
    "out": {"pager": "555-06", "pager_ok": "yes"},
}
TIERS = {"tiers": [{"tier": "champions", "percent_bps": 1_000}]}


@pytest.fixture
def pager() -> Iterator[None]:
    channels.include("tests.kit.invented_channels")
    Pager.sent.clear()
    yield
    channels.leave_out("tests.kit.invented_channels")


@pytest.fixture
def friend_price() -> Iterator[None]:
    RULES.include("tests.kit.invented_rules")
    yield
    RULES.leave_out("tests.kit.invented_rules")


@pytest.mark.usefixtures("pager")
def test_a_channel_reaches_and_sends_to_its_own_contact_with_its_own_consent(
    house: TestHouse,
) -> None:
    shop, now = shop_in(house), house.real_now()
    entries = [CustomerEntry(key, key, f"{key}@x.example", told) for key, told in FILE.items()]
    with house.db.write() as tx:
        upsert_customers(Act(tx, shop, ACTOR, now, now), entries=entries)
        opt_out(Act(tx, shop, ACTOR, now, now), key="out", by="link")
        draft = Draft(
            name="n", subject="left over", body="Hi {name}", channel="pager", control_bps=0
        )
        made = operations.create_outreach(Act(tx, shop, ACTOR, now, now), draft=draft)
        reach = queries.segment_reach(
            tx, reader=house.facts, shop=shop, segment=Segment(), as_of=now.date(), channel="pager"
        )
        assert (made.subject, reach.keys) == ("", ("yes",))
        # Of those on the list some have no number, or took their word back, when it is sent.
        operations.freeze_audience(
            Act(tx, shop, ACTOR, now, now), outreach_id=made.id, customer_keys=sorted(FILE)
        )
    post = Sender(house.db, Pager.open(house.settings), "s" * 64, "https://tide.example", "w")
    send_batch(post, shop=shop, outreach_id=made.id, limit=100, now=now, real_now=now)
    with house.db.read() as tx:
        counts = queries.progress(tx, outreach_id=made.id).counts
    assert [(each.to_address, each.subject) for each in Pager.sent] == [("555-01", "")]
    assert (counts[MessageState.SENT], counts[MessageState.FAILED]) == (1, 2)
    assert counts[MessageState.OPTED_OUT] == 3


@pytest.mark.usefixtures("pager")
def test_a_channel_keeps_its_own_lengths(house: TestHouse) -> None:
    shop, now = shop_in(house), house.real_now()
    long = Draft(name="n", subject="", body="x" * 201, channel="pager")
    with pytest.raises(Invalid) as refused, house.db.write() as tx:
        operations.create_outreach(Act(tx, shop, ACTOR, now, now), draft=long)
    assert set(refused.value.fields) == {"body"}


@pytest.mark.usefixtures("pager")
def test_a_channel_is_offered_on_the_page_and_named_in_the_file(
    client: TestClient[Site], sqlite_house: TestHouse
) -> None:
    house = sqlite_house
    shop, now = shop_in(house), house.real_now()
    entries = [CustomerEntry(key, key, None, told) for key, told in FILE.items()]
    with house.db.write() as tx:
        upsert_customers(Act(tx, shop, ACTOR, now, now), entries=entries)
    owner = Browser(client, house).sign_in(person_in(house, shop, Role.OWNER))
    page = owner.get("/shops/tide/outreach/new").text
    assert '<option value="pager">Pager</option>' in page
    assert "Only for: Email" in page
    reach = owner.get("/shops/tide/outreach/reach?channel=pager").text
    assert ">2<" in reach.replace(" ", "").replace("\n", "")
    form = {
        "name": "Night", "channel": "pager", "body": "Hi {name}", "language": "en",
        "control_percent": "10",
    }  # fmt: skip
    made = owner.post("/shops/tide/outreach/new", form)
    assert made.status_code == 303
    with house.db.read() as tx:
        (found,) = queries.outreaches_of(tx, shop_id=shop.id)
    assert (found.channel, found.subject) == ("pager", "")
    edit = owner.get(f"/shops/tide/outreach/{outward('otr', found.id)}/edit").text
    assert '<option value="pager" selected>' in edit
    assert "Pager" in owner.get("/shops/tide/exports/outreaches.csv").text
    refused = owner.post("/shops/tide/outreach/new", form | {"channel": "pigeon"})
    assert refused.status_code == 422


def test_a_shop_with_one_channel_is_asked_for_none(
    client: TestClient[Site], sqlite_house: TestHouse
) -> None:
    owner = Browser(client, sqlite_house).sign_in(
        person_in(sqlite_house, shop_in(sqlite_house), Role.OWNER)
    )
    assert 'name="channel"' not in owner.get("/shops/tide/outreach/new").text


@pytest.mark.usefixtures("friend_price")
def test_a_rule_gets_the_tier_that_it_asks_for(house: TestHouse) -> None:
    shop, now = shop_in(house), house.real_now()
    stock_shelves(house.db, shop, now=now)
    campaign = open_sale(house.db, shop, day=now.date(), now=now)
    wanted = Wanted((CartLine("cup", 1),), customer_key="ann")

    def payable() -> int:
        with house.db.read() as tx:
            prepared = prepare(
                tx, shop=shop, wanted=wanted, now=now + timedelta(seconds=1),
                standing_of=lambda key: ("champions", True),
            )  # fmt: skip
        return prepared.price().total_minor

    before = payable()
    with house.db.write() as tx:
        pricing.save_rule(
            Act.of(tx, shop, ACTOR, now),
            campaign_id=campaign.id,
            rule_id=None,
            kind="friend_price",
            params=TIERS,
        )
        pricing.activate_rules(Act.of(tx, shop, ACTOR, now), campaign_id=campaign.id)
    assert payable() == before - before // 10


@pytest.mark.usefixtures("friend_price")
def test_a_rule_is_offered_on_the_page(client: TestClient[Site], sqlite_house: TestHouse) -> None:
    house = sqlite_house
    shop, now = shop_in(house), house.real_now()
    stock_shelves(house.db, shop, now=now)
    campaign = open_sale(house.db, shop, day=now.date(), now=now)
    owner = Browser(client, house).sign_in(person_in(house, shop, Role.OWNER))
    base = f"/shops/tide/campaigns/{campaign.key}"
    assert "Friend price" in owner.get(f"{base}/rules").text


def test_standing_is_looked_up_for_what_asks_alone() -> None:
    off = rule("off", "percent_off", {"percent_bps": 1_000})
    assert not Plan([off]).asks_standing
    assert Plan([off, rule("member", "member_price", TIERS)]).asks_standing
    first = {"price_minor": 100, "pieces_max": 1}
    assert Plan([off, rule("first", "first_order", first)]).asks_standing

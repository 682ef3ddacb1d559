"""One whole sale in the browser, from log-in to review, in both languages, with power cuts.

One demo shop, one sale day, two people who watch it: the owner in English and an operator in
Chinese. Meanwhile the replay, the worker and the web server are each killed once; the figures
must be those of the real day, priced by hand, as if nobody had killed anything.
"""

import re
from collections.abc import Iterator
from email.utils import parseaddr

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from springtide.connectors.channels.mailbox import Mailbox
from springtide.demo import story as demo
from springtide.domain.access.model import Role
from tests.kit.demo_shop import DemoShop, Figures, demo_shop, expected, until
from tests.stories import browser as browsing
from tests.stories.browser import Window

BASE = "/shops/demo"
#: What a browser says while the web server is away; anything else is a fault of ours.
AWAY = re.compile(r"net::ERR_(CONNECTION_REFUSED|INCOMPLETE_CHUNKED_ENCODING|CONNECTION_RESET)")
PATIENCE = 240_000
WORDS = {
    "en": {
        "wrong": "do not fit together", "now": "now ·", "off": "below regular prices in all",
        "verdict": "95% interval", "chance": "chance", "yes": "yes", "run": "Run the day",
        "control": "Control group", "withdrawn": "withdrawn",
    },
    "zh": {
        "wrong": "不正确", "now": "现在", "off": "比日常价", "verdict": "95%", "chance": "偶然",
        "yes": "是", "run": "开跑当天", "control": "对照组", "withdrawn": "已撤",
    },
}  # fmt: skip


#: The replay leaves out what has a price but is not in the catalog: three products.
_PRICED = """
select book.product_key, book.regular_minor from price_book as book
join products on products.shop_id = book.shop_id and products.key = book.product_key
"""


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoShop]:
    """The demo shop, built from the real year, with its servers."""
    with demo_shop(tmp_path_factory.mktemp("sale")) as opened:
        yield opened


def test_a_whole_sale_goes_from_log_in_to_review_whatever_is_killed(
    chromium: Browser, shop: DemoShop
) -> None:
    before = shop.command("facts", "summary", "--shop", "demo")
    sale = shop.get("/v1/campaigns")["items"][0]
    figures = figures_of(shop, sale["heroes"])
    with (
        browsing.window(chromium, shop.base) as owner,
        browsing.window(chromium, shop.base, language="zh") as operator,
    ):
        windows = {"en": owner, "zh": operator}
        for language, window in windows.items():
            log_in(window, language)
            look_at_the_plan(window, language, sale)
            look_at_the_customers(window, language)
        run_the_day(shop, windows, sale["id"], figures)
        check_the_orders(shop, figures, before)
        check_the_letters(shop)
        check_the_withdrawal(shop, sale)
        for language, window in windows.items():
            look_at_the_review(window, language, sale["id"], figures)
        look_at_the_audit(owner)
        for window in windows.values():
            assert window.wrong == []


def figures_of(shop: DemoShop, heroes: list[dict[str, int]]) -> Figures:
    """Return what the day must come to, from the real purchases and the plan."""
    regular: dict[str, int] = dict(shop.rows(_PRICED))
    prices = {str(hero["product_key"]): hero["price_minor"] for hero in heroes}
    assert prices
    return expected(regular, prices, [(6_000, 300), (16_900, 1_000), (29_900, 2_000)])


def log_in(window: Window, language: str) -> None:
    """Log in with a wrong password first; the second person reads Chinese."""
    email = demo.PEOPLE[Role.OWNER if language == "en" else Role.OPERATIONS][0]
    page = window.open("/log-in")
    page.fill("#f-email", email)
    page.fill("#f-password", "not the password")
    page.press("#f-password", "Enter")
    expect(page.get_by_role("alert")).to_contain_text(WORDS[language]["wrong"])
    # The browser itself writes the refusal's status into the console.
    assert all("422" in said or "401" in said for said in window.wrong), window.wrong
    window.wrong.clear()
    window.log_in(email, demo.PASSWORD)
    if language == "zh":
        window.open(BASE)
        window.page.locator('.topbar button[value="zh"]').click()
    expect(window.page.locator("html")).to_have_attribute("lang", re.compile("^" + language))


def look_at_the_plan(window: Window, language: str, sale: dict[str, str]) -> None:
    """Overview, campaign, tasks, ladder and sample cart; tick one line of a checklist."""
    page, words = window.open(BASE), WORDS[language]
    expect(page.locator(".next-sale h2")).to_contain_text(sale["name"])
    page.locator(".next-sale h2 a").click()
    expect(page.locator(".phase-item")).to_have_count(4)
    expect(page.locator('.phase-item[aria-current="step"]')).to_have_count(1)
    expect(page.locator(".now-word")).to_contain_text(words["now"])
    expect(page.locator(".tile-value").nth(0)).to_contain_text("24,000")
    window.open(f"{BASE}/campaigns/{sale['id']}/tasks")
    # What is due last is still open: the first tasks were done before the demo opens.
    line = page.locator(".checklist li").nth(-1 if language == "en" else -2)
    line.locator("input[type=checkbox]").check()
    expect(line.locator(".small")).to_contain_text(
        demo.PEOPLE[Role.OWNER if language == "en" else Role.OPERATIONS][1]
    )
    window.open(f"{BASE}/campaigns/{sale['id']}/prices")
    expect(page.locator("table.heroes tbody tr")).to_have_count(demo.HEROES)
    expect(page.locator('[name="steps.1.threshold_minor"]')).to_have_value(re.compile("^169"))
    sample = page.locator("#sample")
    for row in range(1, sample.locator(".sample-row").count()):
        sample.locator(f'[name="sample.{row}.product_key"]').fill("")
    sample.locator('[name="sample.0.product_key"]').fill("6534178")
    sample.locator('[name="sample.0.quantity"]').fill("10")
    # Ten pieces at the regular price of 25.01 reach the step of 169: 250.10 less 10.
    expect(sample.locator(".sample-total")).to_contain_text("240.10")
    expect(sample.locator(".sample-says")).to_contain_text(words["off"])


def look_at_the_customers(window: Window, language: str) -> None:
    """The list, one customer's file, and the outreach with its audience fixed."""
    page = window.open(f"{BASE}/customers?q=household-1228%40")
    rows = page.locator(".customer-table tbody tr")
    expect(rows).to_have_count(1)
    rows.get_by_role("link").click()
    expect(page.locator("h1")).to_have_text("Household 1228")
    expect(page.locator(".event-order").nth(0)).to_be_visible()
    expect(page.locator(".score")).to_have_count(3)
    page = window.open(f"{BASE}/outreach")
    page.locator("tbody tr").get_by_role("link").click()
    expect(page.locator("#progress .state-held_out")).to_be_visible()
    expect(page.get_by_text(WORDS[language]["control"]).nth(0)).to_be_visible()


def run_the_day(shop: DemoShop, windows: dict[str, Window], sale: str, figures: Figures) -> None:
    """Run the day while both boards are open, and kill whatever takes part in it, once each."""
    owner, operator = windows["en"].page, windows["zh"].page
    board = f"{BASE}/campaigns/{sale}/board"
    for window in windows.values():
        window.open(board)
        expect(metric(window.page, "paid_orders")).to_have_attribute("data-amount", "0")
    loads = {name: loads_of(window.page) for name, window in windows.items()}

    shop.start("replay", "demo", "day", "--speed", "7200")
    wait_for_more(operator, 10)
    shop.kill("replay")
    # The button takes over where the killed command stood; the page is shown anew by it.
    owner.get_by_role("button", name=WORDS["en"]["run"]).click()
    dialog = owner.get_by_role("dialog")
    dialog.locator('input[name="speed"][value="7200"]').check()
    dialog.get_by_role("button", name=WORDS["en"]["run"]).click()
    expect(owner.locator('[data-live-html="head"] progress.progress-sale')).to_be_visible()
    loads["en"] = loads_of(owner)
    wait_for_more(owner, 100)
    shop.kill("worker")
    shop.start("worker")
    wait_for_more(owner, 60)
    for window in windows.values():
        assert window.wrong == []
    shop.kill("web")
    expect(operator.locator(".stream-lost")).to_be_visible()
    shop.start("web")
    shop.wait_ready()
    for window in windows.values():
        expect(metric(window.page, "paid_orders")).to_have_attribute(
            "data-amount", str(len(figures.paid)), timeout=PATIENCE
        )
        assert [each for each in window.wrong if not AWAY.search(each)] == []
        window.wrong.clear()
    until(lambda: is_at_rest(shop), lambda: shop.log("worker"), seconds=120)
    closing = {
        "orders": len(figures.orders),
        "paid_orders": len(figures.paid),
        "paid_money": figures.paid_minor,
        "units": figures.units,
    }
    for name, window in windows.items():
        for kind in ("paid_orders", "paid_money", "units"):
            expect(metric(window.page, kind)).to_have_attribute("data-amount", str(closing[kind]))
        expect(window.page.locator(".stream-lost")).to_be_hidden()
        # All of it came by server-sent events: neither page was loaded again.
        assert loads_of(window.page) == loads[name]


def metric(page: Page, kind: str) -> Locator:
    """Return a number of the board or the review."""
    return page.locator(f'[data-metric="{kind}"]')


def loads_of(page: Page) -> float:
    """Return what is another number after each load of a page."""
    return float(page.evaluate("performance.timeOrigin"))


def wait_for_more(page: Page, more: int) -> None:
    """Wait until the board shows so many paid orders more than it does now."""
    tile = metric(page, "paid_orders")
    begin = int(tile.get_attribute("data-amount") or 0)
    shown = begin
    while shown < begin + more:
        expect(tile).not_to_have_attribute("data-amount", str(shown), timeout=PATIENCE)
        shown = int(tile.get_attribute("data-amount") or 0)


def is_at_rest(shop: DemoShop) -> bool:
    """Tell whether nothing of the timeline is left to do, the day's own job included."""
    return not shop.rows(
        "select 1 from timeline_actions where state in ('planned', 'running', 'undoing')"
    )


def check_the_orders(shop: DemoShop, figures: Figures, before: dict[str, int]) -> None:
    """Each real order is there once, paid once; orders, facts and the plan agree to the cent."""
    placed = shop.rows("select key, state, total_minor from orders")
    assert sorted(key for key, *_ in placed) == sorted(figures.orders)
    assert {key for key, state, _ in placed if state == "paid"} == figures.paid
    assert {state for _, state, _ in placed} == {"paid", "closed"}
    assert sum(total for *_, total in placed) == figures.ordered_minor
    assert sum(total for _, state, total in placed if state == "paid") == figures.paid_minor
    writes = dict(shop.rows("select action, count(*) from audit_log group by action"))
    assert writes["order.place"] == len(figures.orders)
    assert writes["order.pay"] == len(figures.paid)
    after = shop.command("facts", "summary", "--shop", "demo")
    assert after["orders"] - before["orders"] == len(figures.orders)
    assert after["gross_minor"] - before["gross_minor"] == figures.ordered_minor
    assert after["paid_minor"] - before["paid_minor"] == figures.paid_minor
    assert after["kinds"]["order_closed"] == len(figures.orders - figures.paid)


def check_the_letters(shop: DemoShop) -> None:
    """Each treated person has one letter, and nobody of the control group has any."""
    people = dict(shop.rows("select address, state from messages where address is not null"))
    states = [state for (state,) in shop.rows("select state from messages")]
    mailbox = Mailbox(shop.data / "mailbox")
    addressed = [parseaddr(letter.to)[1] for letter in mailbox.all()]
    treated = {address for address, state in people.items() if state == "sent"}
    assert set(states) == {"sent", "held_out"}
    assert sorted(addressed) == sorted(treated)
    assert len(addressed) == states.count("sent")
    assert mailbox.copies() == 0
    held_out = shop.rows(
        "select c.email from messages m join customers c "
        "on c.shop_id = m.shop_id and c.key = m.customer_key where m.state = 'held_out'"
    )
    assert len(held_out) == states.count("held_out") > 0
    assert {email for (email,) in held_out}.isdisjoint(addressed)


def check_the_withdrawal(shop: DemoShop, sale: dict[str, list[dict[str, str]]]) -> None:
    """The sale says withdrawn, and each hero costs what it did before."""
    after = shop.get(f"/v1/campaigns/{sale['id']}")
    assert after["withdrawn_at"] is not None
    for hero in sale["heroes"]:
        price = shop.get(f"/v1/products/{hero['product_key']}")["price"]
        assert price["campaign_minor"] is None
        assert price["unit_minor"] == price["regular_minor"] > int(hero["price_minor"])


def look_at_the_review(window: Window, language: str, sale: str, figures: Figures) -> None:
    """Before and after, what the letter caused, and that everything is back."""
    page, words = window.open(f"{BASE}/campaigns/{sale}/review"), WORDS[language]
    paid = metric(page, "paid_money")
    expect(paid).to_have_attribute("data-amount", str(figures.paid_minor))
    expect(paid.locator("td")).to_have_count(4)
    expect(paid.locator(".delta")).to_contain_text("%")
    sentence = page.locator(".effect-sentence")
    expect(sentence).to_have_attribute("data-verdict", re.compile("raised|lowered|unclear"))
    expect(sentence).to_contain_text(words["verdict"])
    expect(sentence).to_contain_text(words["chance"])
    expect(page.locator("svg.interval")).to_have_count(2)
    expect(page.locator('[data-is-back="true"]')).to_have_count(3)
    expect(page.locator('[data-is-back="false"]')).to_have_count(0)
    expect(page.locator("#radar canvas, #radar svg").nth(0)).to_be_visible()


def look_at_the_audit(owner: Window) -> None:
    """The log names what people, keys and the worker wrote, in the reader's language."""
    page = owner.open(f"{BASE}/settings/audit")
    expect(page.locator("tbody tr").nth(0)).to_be_visible()
    page.locator("#f-who").select_option(label=demo.PEOPLE[Role.OWNER][1])
    page.wait_for_url(re.compile("who="))
    expect(page.locator("tbody tr").nth(0)).to_be_visible()
    expect(page.locator("tbody")).to_contain_text(demo.PEOPLE[Role.OWNER][1])
    page.locator('.topbar button[value="zh"]').click()
    expect(page.locator("html")).to_have_attribute("lang", re.compile("^zh"))
    expect(page.locator("tbody tr").nth(0)).to_be_visible()

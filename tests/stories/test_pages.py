"""Every page of an empty shop opens without an error, in both languages and at phone width."""

import pytest
from playwright.sync_api import Browser, expect

from tests.stories import browser as browsing
from tests.stories.conftest import Site

PAGES = (
    "", "/campaigns", "/campaigns/new", "/customers", "/outreach", "/board", "/data",
    "/settings/people", "/settings/keys", "/settings/points", "/settings/audit", "/settings/me",
)  # fmt: skip


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_page_opens_clean(chromium: Browser, site: Site, language: str, width: int) -> None:
    with browsing.window(chromium, site.base, language=language, width=width) as window:
        window.log_in(site.email, site.password)
        if language == "zh":
            # The person was made with English; the switch in the header keeps the page.
            window.open("/shops/tide")
            if window.page.locator("html").get_attribute("lang") == "en-US":
                window.page.locator('.topbar button[value="zh"]').click()
        for path in PAGES:
            page = window.open(f"/shops/tide{path}")
            expect(page.locator("h1")).to_be_visible()
            assert (page.locator("html").get_attribute("lang") or "")[:2] == language, path
            assert not window.is_wider_than_the_screen(), path
        if language == "zh":
            window.page.locator('.topbar button[value="en"]').click()
            expect(window.page.locator("html")).to_have_attribute("lang", "en-US")
        assert window.wrong == []


def test_a_wrong_password_is_said_and_the_address_is_kept(chromium: Browser, site: Site) -> None:
    with browsing.window(chromium, site.base) as window:
        page = window.open("/log-in")
        page.fill("#f-email", site.email)
        page.fill("#f-password", "not the password")
        page.press("#f-password", "Enter")
        expect(page.get_by_role("alert")).to_contain_text("do not fit together")
        expect(page.locator("#f-email")).to_have_value(site.email)


def test_a_key_is_made_and_shown_once(chromium: Browser, site: Site) -> None:
    with browsing.window(chromium, site.base) as window:
        window.log_in(site.email, site.password)
        page = window.open("/shops/tide/settings/keys")
        page.get_by_role("button", name="Make the key").click()
        expect(page.get_by_role("alert")).to_be_focused()
        page.fill("#f-name", "Online shop")
        page.get_by_label("Place and pay orders").check()
        page.get_by_role("button", name="Make the key").click()
        expect(page.locator("#new-token")).to_contain_text("sk_")
        page.reload()
        page.goto(site.base + "/shops/tide/settings/keys")
        expect(page.locator("#new-token")).to_have_count(0)
        page.get_by_role("button", name="Revoke").first.click()
        expect(page.get_by_role("dialog")).to_be_visible()
        page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
        expect(page.get_by_text("The key is revoked")).to_be_visible()


def test_a_sale_is_planned_and_renamed_by_keyboard_alone(chromium: Browser, site: Site) -> None:
    with browsing.window(chromium, site.base) as window:
        page = window.open("/log-in")
        # The first field has the focus, once the browser has come to it.
        expect(page.locator("#f-email")).to_be_focused()
        page.keyboard.type(site.email)
        page.keyboard.press("Tab")
        page.keyboard.type(site.password)
        page.keyboard.press("Enter")
        page.wait_for_url(lambda url: "/log-in" not in url)
        window.open("/shops/tide/campaigns/new")
        expect(page.locator("#f-name")).to_be_focused()
        page.keyboard.type("By keys")
        page.keyboard.press("Enter")
        page.wait_for_url("**/campaigns/cmp_*")
        expect(page.locator("h1")).to_contain_text("By keys")
        page.keyboard.press("Tab")
        expect(page.locator("a.skip")).to_be_focused()
        page.keyboard.press("Enter")
        tab_to(window, "Edit")
        page.keyboard.press("Enter")
        page.wait_for_url("**/edit")
        tab_to(window, "Name")
        page.keyboard.press("End")
        page.keyboard.type(" alone")
        page.keyboard.press("Enter")
        page.wait_for_url("**/campaigns/cmp_*")
        expect(page.locator("h1")).to_contain_text("By keys alone")
        tab_to(window, "Schedule")
        page.keyboard.press("Enter")
        expect(page.get_by_role("button", name="Withdraw now")).to_be_visible()
        # What asks back takes the focus, keeps it, and gives it back.
        tab_to(window, "Withdraw now")
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog")
        expect(dialog).to_be_visible()
        inside = "e => e === document.body || e.closest('dialog') !== null"
        for _ in range(6):
            page.keyboard.press("Tab")
            assert page.evaluate(f"({inside})(document.activeElement)")
        page.keyboard.press("Escape")
        expect(dialog).to_be_hidden()
        assert focused(window) == "Withdraw now"


def focused(window: browsing.Window) -> str:
    """Return how the element with the focus is called."""
    return str(
        window.page.evaluate(
            "(e => (e.labels && e.labels.length ? e.labels[0].textContent : e.textContent).trim())"
            "(document.activeElement)"
        )
    )


def tab_to(window: browsing.Window, name: str) -> None:
    """Press Tab until something called so has the focus, and can be seen to have it."""
    for _ in range(60):
        window.page.keyboard.press("Tab")
        if focused(window).removesuffix("*").strip() == name:
            ring = "(s => s.outlineStyle !== 'none' || s.boxShadow !== 'none')"
            assert window.page.evaluate(f"{ring}(getComputedStyle(document.activeElement))"), name
            return
    raise AssertionError(f"Tab never came to {name}")

"""Passkeys with a real browser's virtual authenticator: made, asked for, and enough alone."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from springtide.bootstrap import open_house
from springtide.domain.access.model import Role
from tests.kit.house import PASSWORD, person_in, settings_in, shop_in
from tests.stories import browser as browsing

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def named_site(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """A server that is called by a name, as passkeys need it."""
    house = open_house(settings_in(tmp_path, f"sqlite:///{tmp_path}/state.db"))
    person = person_in(house, shop_in(house), Role.OWNER)
    house.close()
    with browsing.server(tmp_path, name="localhost") as base:
        yield base, person.email


def test_a_passkey_is_made_asked_for_and_enough_alone(
    chromium: Browser, named_site: tuple[str, str]
) -> None:
    base, email = named_site
    with browsing.window(chromium, base) as window:
        devtools = window.page.context.new_cdp_session(window.page)
        devtools.send("WebAuthn.enable")
        key = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        window.log_in(email, PASSWORD)
        page = window.open("/shops/tide/settings/me/factors")
        page.fill("#f-passkey-name", "laptop")
        page.get_by_role("button", name="Add a passkey").click()
        expect(page.get_by_text("The second factor is set up")).to_be_visible()
        assert len((page.locator("#codes").text_content() or "").split()) == 10
        page.context.clear_cookies()
        # Alone, without a password.
        page = window.open("/log-in")
        page.get_by_role("button", name="Log in with a passkey").click()
        page.wait_for_url("**/shops/tide")
        page.context.clear_cookies()
        # As the second factor, after the password.
        page = window.open("/log-in")
        page.fill("#f-email", email)
        page.fill("#f-password", PASSWORD)
        page.press("#f-password", "Enter")
        page.wait_for_url("**/log-in/second*")
        page.get_by_role("button", name="Use a passkey").click()
        page.wait_for_url("**/shops/tide")
        # One that does not know the person proves nothing.
        devtools.send(
            "WebAuthn.setUserVerified",
            {"authenticatorId": key["authenticatorId"], "isUserVerified": False},
        )
        page.context.clear_cookies()
        page = window.open("/log-in")
        page.get_by_role("button", name="Log in with a passkey").click()
        expect(page.get_by_text("The passkey did not answer")).to_be_visible()
        assert [each for each in window.wrong if "foreign" in each or "script" in each] == []

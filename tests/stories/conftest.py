"""Fixtures of the stories: one Chromium, and a server with a small shop."""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser

from springtide.bootstrap import open_house
from springtide.domain.access.model import Role
from tests.kit.house import PASSWORD, person_in, settings_in, shop_in
from tests.stories import browser as browsing


@dataclass(frozen=True)
class Site:
    """A running server with the shop ``tide`` and its owner."""

    base: str
    email: str
    password: str


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """One Chromium for all stories."""
    with browsing.browser() as opened:
        yield opened


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A server with an empty shop."""
    data = tmp_path_factory.mktemp("site")
    house = open_house(settings_in(data, f"sqlite:///{data}/state.db"))
    # The server reads the real clock, so what it finds must not lie in its future.
    person = person_in(house, shop_in(house), Role.OWNER)
    house.close()
    with browsing.server(data) as base:
        yield Site(base, person.email, PASSWORD)

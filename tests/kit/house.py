"""A whole house for tests of pages, API and commands, with a clock that tests move."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from litestar.testing import TestClient

from springtide.bootstrap import House
from springtide.domain.access import operations
from springtide.domain.access.act import Act
from springtide.domain.access.model import Actor, Person, Role, Scope, Shop
from springtide.kit.db import Database
from springtide.settings import Settings
from springtide.site import Site
from springtide.web.frame import sessions

ACTOR = Actor("command", "test", "test")
PASSWORD = "quiet-harbour-lights"
#: Of every installation of tests: processes beside it are told the same.
SECRET = "a secret of tests, as long as one must be"
START = datetime(2025, 11, 1, 2, 0, tzinfo=UTC)


class TestHouse(House):
    """A house whose real clock stands still until a test moves it."""

    __test__ = False

    def __init__(self, settings: Settings, db: Database) -> None:
        super().__init__(settings, db)
        self.clock = START

    def real_now(self) -> datetime:
        """Return the instant that the test chose."""
        return self.clock

    def forward(self, **duration: float) -> None:
        """Let time pass, for example ``forward(minutes=5)``."""
        self.clock += timedelta(**duration)


def settings_in(folder: Path, database_url: str, **changes: Any) -> Settings:
    """Return settings whose data lie in a folder."""
    values: dict[str, Any] = {
        "data": folder,
        "database_url": database_url,
        "host": "127.0.0.1",
        "port": 8000,
        "secret": SECRET,
        "smtp_url": "smtp://127.0.0.1:1",
        "public_url": "http://testserver.local",
    }
    return Settings(**{**values, **changes})


def shop_in(
    house: House, slug: str = "tide", currency: str = "CNY", *, is_demo: bool = False
) -> Shop:
    """Create a shop."""
    with house.db.write() as tx:
        return operations.create_shop(
            tx,
            slug=slug,
            name=slug.title(),
            currency=currency,
            zone_name="Asia/Shanghai",
            is_demo=is_demo,
            actor=ACTOR,
            now=house.real_now(),
        )


def person_in(house: House, shop: Shop | None, role: Role, email: str | None = None) -> Person:
    """Create a person, member of a shop (of none with None)."""
    email = email or f"{role}@{shop.slug if shop else 'none'}.test"
    with house.db.write() as tx:
        person = operations.create_person(
            tx,
            email=email,
            name=email,
            password=PASSWORD,
            language="en",
            actor=ACTOR,
            now=house.real_now(),
        )
        if shop:
            operations.add_member(Act.of(tx, shop, ACTOR), person=person, role=role)
    return person


def key_in(house: House, shop: Shop, *scopes: Scope, is_publishable: bool = False) -> str:
    """Create an API key and return its token."""
    with house.db.write() as tx:
        _, token = operations.create_key(
            Act.of(tx, shop, ACTOR),
            name="test",
            scopes=frozenset(scopes),
            is_publishable=is_publishable,
        )
    return token


@dataclass
class Browser:
    """A browser of someone: keeps cookies, sends the CSRF token with what it posts."""

    client: TestClient[Site]
    house: House
    cookies: dict[str, str] = field(default_factory=dict)

    def sign_in(self, person: Person) -> "Browser":
        """Open a session, without the log-in page."""
        session = operations.log_in(
            self.house.db,
            email=person.email,
            password=PASSWORD,
            visit=operations.Visit("127.0.0.1"),
            now=self.house.real_now(),
        )
        self.cookies[sessions.session_cookie_name(self.house)] = session.token
        return self

    def get(self, path: str, **options: Any) -> Any:
        """Open a page, without following redirects."""
        return self.ask("GET", path, **options)

    def post(self, path: str, data: dict[str, str] | None = None, **options: Any) -> Any:
        """Post a form with this browser's CSRF token."""
        sent = {sessions.CSRF_FIELD: self.csrf(), **(data or {})}
        return self.ask("POST", path, data=sent, **options)

    def ask(self, method: str, path: str, **options: Any) -> Any:
        """Send a request with this browser's cookies alone."""
        self.client.cookies.clear()
        for name, value in self.cookies.items():
            self.client.cookies.set(name, value)
        answer = self.client.request(method, path, follow_redirects=False, **options)
        for name, value in answer.cookies.items():
            self.cookies[name] = value
        return answer

    def csrf(self) -> str:
        """Return the token that this browser's forms carry."""
        holder = self.cookies.get(sessions.session_cookie_name(self.house))
        if holder is None:
            holder = self.cookies.setdefault(sessions.visit_name(self.house), "visit-of-a-test")
        return sessions.csrf_of(self.house, holder)

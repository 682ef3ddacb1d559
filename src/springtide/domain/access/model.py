"""Shops, people, roles and the access rule that every route states."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from springtide.kit.errors import N_, Refusal
from springtide.kit.ids import outward
from springtide.kit.time import SimulatedClock


class Role(StrEnum):
    """What a person does in a shop."""

    OWNER = "owner"
    OPERATIONS = "operations"
    CUSTOMER_SERVICE = "customer_service"
    DESIGN = "design"
    WAREHOUSE = "warehouse"


#: What a reader sees for each.
ROLE_NAMES = {
    "owner": N_("Owner"),
    "operations": N_("Operations"),
    "customer_service": N_("Customer service"),
    "design": N_("Design"),
    "warehouse": N_("Warehouse"),
}


class Permission(StrEnum):
    """What a page or a command needs; roles hold sets of them."""

    READ = "read"
    CAMPAIGNS_WRITE = "campaigns_write"
    PRICES_WRITE = "prices_write"
    TASKS_WRITE = "tasks_write"
    CUSTOMERS_READ = "customers_read"
    CUSTOMERS_WRITE = "customers_write"
    OUTREACH_SEND = "outreach_send"
    GIFTS_APPROVE = "gifts_approve"
    HOLDS_WAIVE = "holds_waive"
    DATA_WRITE = "data_write"
    SETTINGS_WRITE = "settings_write"


_EVERYONE = frozenset({Permission.READ, Permission.TASKS_WRITE})
PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.OPERATIONS: frozenset(Permission) - {Permission.SETTINGS_WRITE, Permission.HOLDS_WAIVE},
    Role.CUSTOMER_SERVICE: _EVERYONE | {Permission.CUSTOMERS_READ, Permission.CUSTOMERS_WRITE},
    Role.DESIGN: _EVERYONE,
    Role.WAREHOUSE: _EVERYONE,
}


class Scope(StrEnum):
    """What an API key may do; a publishable key may hold only the first three."""

    EVENTS_WRITE = "events:write"
    QUOTES_WRITE = "quotes:write"
    CLAIMS_WRITE = "claims:write"
    ORDERS_WRITE = "orders:write"
    PRODUCTS_WRITE = "products:write"
    READ = "read"
    ORDERS_READ = "orders:read"
    CUSTOMERS_READ = "customers:read"
    CUSTOMERS_WRITE = "customers:write"
    CUSTOMERS_ERASE = "customers:erase"


PUBLISHABLE_SCOPES = frozenset({Scope.EVENTS_WRITE, Scope.QUOTES_WRITE, Scope.CLAIMS_WRITE})


class Data(StrEnum):
    """What a table or a number is about. That, and not the way out, says who may read it."""

    CATALOG = "catalog"
    NUMBERS = "numbers"
    PLANS = "plans"
    REWARDS = "rewards"
    IMPORTS = "imports"
    CUSTOMERS = "customers"
    ORDERS = "orders"
    FACTS = "facts"
    LEDGER = "ledger"
    CLAIMS = "claims"
    OUTREACH = "outreach"
    REJECTS = "rejects"
    TEAM = "team"
    KEYS = "keys"
    AUDIT = "audit"


#: Who reads what: a person with the permission, on a page and as a file; a key with the scope.
#: Whatever tells of single customers (payments, ledger, claims ...) is theirs who may read them.
READERS: dict[Data, tuple[Permission, Scope | None]] = {
    Data.CATALOG: (Permission.READ, Scope.READ),
    Data.NUMBERS: (Permission.READ, Scope.READ),
    Data.PLANS: (Permission.READ, Scope.READ),
    Data.REWARDS: (Permission.READ, None),
    Data.IMPORTS: (Permission.READ, None),
    Data.CUSTOMERS: (Permission.CUSTOMERS_READ, Scope.CUSTOMERS_READ),
    Data.ORDERS: (Permission.CUSTOMERS_READ, Scope.ORDERS_READ),
    Data.FACTS: (Permission.CUSTOMERS_READ, None),
    Data.LEDGER: (Permission.CUSTOMERS_READ, None),
    Data.CLAIMS: (Permission.CUSTOMERS_READ, None),
    Data.OUTREACH: (Permission.CUSTOMERS_READ, None),
    Data.REJECTS: (Permission.CUSTOMERS_READ, None),
    Data.TEAM: (Permission.SETTINGS_WRITE, None),
    Data.KEYS: (Permission.SETTINGS_WRITE, None),
    Data.AUDIT: (Permission.SETTINGS_WRITE, None),
}


@dataclass(frozen=True, slots=True)
class Public:
    """A route that anyone may call; ``why`` says why that is safe."""

    why: str


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A page for any signed-in person, outside a shop; ``fresh`` as with Needs."""

    fresh: bool = False


@dataclass(frozen=True, slots=True)
class Needs:
    """A page of a shop (path parameter ``shop``) for members whose role holds a permission.

    ``data`` is what a page that reads shows (see ``reading``). With ``fresh`` the person must have
    proved who they are within FRESH (domain/access/queries): a form is sent to the page that asks
    for the password or passkey, and comes back from there.
    """

    permission: Permission
    fresh: bool = False
    #: Opens although the shop asks for a second factor that the person does not have: to get one.
    without_factor: bool = False
    data: Data | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """An API route for keys with a scope; ``publishable`` tells whether browsers' keys may."""

    scope: Scope
    publishable: bool = False
    data: Data | None = None


class NoSuchReader(Exception):
    """A route of the API that reads what no scope opens: a fault of ours."""


def reading(data: Data) -> Needs:
    """Return the rule of a page that shows some data."""
    return Needs(READERS[data][0], data=data)


def key_reading(data: Data) -> Key:
    """Return the rule of an API route that gives some data."""
    scope = READERS[data][1]
    if scope is None:
        raise NoSuchReader(data)
    return Key(scope, data=data)


#: What a route says under ``opt={"access": ...}``; a route without one stops the start.
AccessRule = Public | SignedIn | Needs | Key


class PointsKeeper(StrEnum):
    """Who keeps the balances of customers' points, and so says what an order may be paid with."""

    #: Springtide's ledger: who has no account there has no points.
    LEDGER = "ledger"
    #: The shop's own site, whose server vouches for a balance with each order.
    SITE = "site"
    #: Nobody: no order is paid with points.
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Shop:
    """One seller's store."""

    id: UUID
    slug: str
    name: str
    currency: str
    zone_name: str
    clock: SimulatedClock | None = None
    is_demo: bool = False
    points_kept_by: PointsKeeper = PointsKeeper.LEDGER
    requires_second_factor: bool = False

    @property
    def tz(self) -> ZoneInfo:
        """The shop's time zone."""
        return ZoneInfo(self.zone_name)

    def now(self, real: datetime) -> datetime:
        """Return the shop's time: the real instant, unless its clock is simulated."""
        return self.clock.at(real) if self.clock else real


@dataclass(frozen=True, slots=True)
class Person:
    """Someone of a shop's team."""

    id: UUID
    email: str
    name: str
    language: str


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did something: ``kind`` is person, key, worker or command."""

    kind: str
    id: str
    name: str


#: What a reader sees for each.
ACTOR_NAMES = {
    "person": N_("Person"),
    "key": N_("API key"),
    "worker": N_("Worker"),
    "command": N_("Command line"),
}


@dataclass(frozen=True, slots=True)
class Member:
    """A signed-in person in one shop, as a page sees them."""

    person: Person
    shop: Shop
    role: Role

    def may(self, permission: Permission) -> bool:
        """Tell whether the person's role holds a permission."""
        return permission in PERMISSIONS[self.role]

    def reads(self, data: Data | str) -> bool:
        """Tell whether the person may read some data, on a page or as a file."""
        return self.may(READERS[Data(data)][0])

    @property
    def actor(self) -> Actor:
        """The person, as the audit log names them."""
        return Actor("person", str(self.person.id), self.person.name)


@dataclass(frozen=True, slots=True)
class Invitation:
    """An open invitation of an address to a shop; its token is known only when it is made."""

    id: UUID
    shop_id: UUID
    email: str
    role: Role
    invited_by: str
    created_at: datetime
    expires_at: datetime
    sent_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key of a shop's own site or app; the token itself is shown once and not kept."""

    id: UUID
    shop_id: UUID
    name: str
    prefix: str
    is_publishable: bool
    scopes: frozenset[Scope]
    created_at: datetime
    last_used_at: datetime | None = None
    revoked_at: datetime | None = None
    expires_at: datetime | None = None
    replaced_by: UUID | None = None

    def is_expired(self, now: datetime) -> bool:
        """Tell whether the key's time is over; a key without an end never is."""
        return self.expires_at is not None and self.expires_at <= now


@dataclass(frozen=True, slots=True)
class Caller:
    """A program that calls the API with a key of one shop."""

    key: ApiKey
    shop: Shop

    @property
    def actor(self) -> Actor:
        """The key, as the audit log names it."""
        return Actor("key", outward("key", self.key.id), self.key.name)


@dataclass(frozen=True, slots=True)
class Session:
    """A person's log-in; ``token`` goes into the cookie and is known only at log-in.

    ``browser`` is the token of the browser, for a cookie that outlives the session.
    """

    token: str
    person: Person
    expires_at: datetime
    browser: str


class FactorKind(StrEnum):
    """What proves a person beside their password."""

    TOTP = "totp"
    PASSKEY = "passkey"


@dataclass(frozen=True, slots=True)
class Factor:
    """A second factor: an app (its closed secret, the last step used) or a passkey."""

    id: UUID
    person_id: UUID
    kind: FactorKind
    name: str
    created_at: datetime
    used_at: datetime | None
    secret: str | None
    last_step: int | None
    credential_id: bytes | None
    public_key: bytes | None
    sign_count: int | None


@dataclass(frozen=True, slots=True)
class OpenSession:
    """A log-in that has not ended, as its person sees it; ``agent`` is what the browser says."""

    id: UUID
    address: str
    agent: str
    created_at: datetime
    seen_at: datetime
    is_this: bool


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the audit log: who did what to which subject, and what it was before.

    ``at`` is the real instant, ``shop_at`` what the shop's clock showed where it is simulated.
    """

    id: UUID
    at: datetime
    actor_kind: str
    actor_id: str
    actor_name: str
    action: str
    subject: str
    before: Any
    after: Any
    shop_at: datetime | None = None


class NotAllowed(Refusal):
    """Signed in, but the role does not hold what this needs."""

    code = "not_allowed"
    status = 403
    text = N_("Your role may not do this: it needs {permission}.")

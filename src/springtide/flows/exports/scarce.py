"""The ledger's accounts and statements, rewards and what was claimed of them."""

from collections.abc import Iterator
from typing import ClassVar
from uuid import UUID

import msgspec

from springtide.connectors.tabular.writers import Column, Row
from springtide.domain.access.model import Data
from springtide.domain.ledger.model import TRANSFER_STATES
from springtide.domain.ledger.queries import accounts_page, statement
from springtide.domain.rewards.approvals import GIFT_STATES, gifts_page
from springtide.domain.rewards.games import GAMES
from springtide.domain.rewards.queries import claim_count, claims_of_reward, reward, rewards_page
from springtide.domain.rewards.states import CLAIM_STATES, GRANTED, REWARD_STATES
from springtide.flows.claims.gifts import KINDS
from springtide.flows.files.export import Nothing, Source
from springtide.kit.errors import N_
from springtide.kit.ids import inward

_PAGE = 1_000
_REWARDS_MAX = 100_000


class SomeAccounts(msgspec.Struct, forbid_unknown_fields=True):
    """Accounts whose keys begin with a text; all without one."""

    prefix: str = ""


class Accounts:
    """The accounts of the ledger by key; amounts in their own units, money in minor ones."""

    kind: ClassVar[str] = "accounts"
    label: ClassVar[str] = N_("Accounts")
    data: ClassVar[Data] = Data.LEDGER
    params: ClassVar[type] = SomeAccounts
    columns: ClassVar[tuple[Column, ...]] = (
        Column("account", N_("Account")),
        Column("unit", N_("Unit")),
        Column("owner", N_("Owner")),
        Column("balance", N_("Balance"), "count"),
        Column("held", N_("Held back"), "count"),
        Column("awaiting", N_("On its way"), "count"),
        Column("low", N_("Lower bound"), "count"),
        Column("high", N_("Upper bound"), "count"),
    )

    @staticmethod
    def rows(source: Source, params: SomeAccounts) -> Iterator[Row]:
        """Yield a row an account."""
        after = ""
        while True:
            with source.house.db.read() as tx:
                page = accounts_page(
                    tx, shop_id=source.shop.id, prefix=params.prefix, after=after, limit=_PAGE
                )
            for each in page:
                yield (
                    each.key, each.unit, each.owner, each.balance, each.held, each.awaiting,
                    each.low, each.high,
                )  # fmt: skip
            if len(page) < _PAGE:
                return
            after = page[-1].key


class OneAccount(msgspec.Struct, forbid_unknown_fields=True):
    """An account of the ledger by its key."""

    account: str


class Statement:
    """What moved on an account, the newest first, with the balance after each."""

    kind: ClassVar[str] = "statement"
    label: ClassVar[str] = N_("Statement of an account")
    data: ClassVar[Data] = Data.LEDGER
    params: ClassVar[type] = OneAccount
    columns: ClassVar[tuple[Column, ...]] = (
        Column("at", N_("When"), "instant"),
        Column("transfer", N_("Transfer")),
        Column("kind", N_("Kind")),
        Column("other", N_("Other account")),
        Column("amount", N_("Amount"), "count"),
        Column("state", N_("State"), words=TRANSFER_STATES),
        Column("ended_at", N_("Ended at"), "instant"),
        Column("balance", N_("Balance"), "count"),
        Column("customer_key", N_("Customer")),
        Column("reference", N_("Reference")),
    )

    @staticmethod
    def rows(source: Source, params: OneAccount) -> Iterator[Row]:
        """Yield a row a transfer."""
        before: int | None = None
        while True:
            with source.house.db.read() as tx:
                page = statement(
                    tx, shop_id=source.shop.id, key=params.account, before=before, limit=_PAGE
                )
            for each in page:
                yield (
                    each.at, each.id, each.kind, each.other, each.amount, str(each.state),
                    each.ended_at, each.balance, each.customer_key, each.reference,
                )  # fmt: skip
            if len(page) < _PAGE:
                return
            before = page[-1].seq


class Rewards:
    """The shop's rewards and games, the newest first."""

    kind: ClassVar[str] = "rewards"
    label: ClassVar[str] = N_("Rewards")
    data: ClassVar[Data] = Data.REWARDS
    params: ClassVar[type] = Nothing
    columns: ClassVar[tuple[Column, ...]] = (
        Column("reward", N_("Reward")),
        Column("name", N_("Name")),
        Column("kind", N_("Kind"), words={kind: each.title for kind, each in GAMES.items()}),
        Column("state", N_("State"), words=REWARD_STATES),
        Column("opens_at", N_("Opens"), "instant"),
        Column("closes_at", N_("Closes"), "instant"),
        Column("claims", N_("Claims"), "count"),
        Column("campaign", N_("Campaign")),
    )

    @staticmethod
    def rows(source: Source, params: Nothing) -> Iterator[Row]:
        """Yield a row a reward."""
        with source.house.db.read() as tx:
            for each in rewards_page(tx, shop=source.shop, limit=_REWARDS_MAX):
                claims = claim_count(tx, reward_id=each.id)
                yield (
                    each.key, each.name, each.kind, str(each.state), each.opens_at,
                    each.closes_at, claims, each.campaign_key,
                )  # fmt: skip


class OneReward(msgspec.Struct, forbid_unknown_fields=True):
    """A reward by its id (``rwd_…``)."""

    reward: str


class Claims:
    """Who claimed what of a reward, the newest first."""

    kind: ClassVar[str] = "claims"
    label: ClassVar[str] = N_("Claims")
    data: ClassVar[Data] = Data.CLAIMS
    params: ClassVar[type] = OneReward
    columns: ClassVar[tuple[Column, ...]] = (
        Column("claimed_at", N_("When"), "instant"),
        Column("claim", N_("Claim")),
        Column("customer_key", N_("Customer")),
        Column("what", N_("What"), words=GRANTED),
        Column("name", N_("Name")),
        Column("amount", N_("Amount"), "count"),
        Column("state", N_("State"), words=CLAIM_STATES),
        Column("expires_at", N_("To be used until"), "instant"),
        Column("order_key", N_("Order")),
    )

    @staticmethod
    def rows(source: Source, params: OneReward) -> Iterator[Row]:
        """Yield a row a claim."""
        before: UUID | None = None
        with source.house.db.read() as tx:
            found = reward(tx, shop=source.shop, reward_id=inward("rwd", params.reward))
        while True:
            with source.house.db.read() as tx:
                page = claims_of_reward(tx, reward_id=found.id, before=before, limit=_PAGE)
            for each in page:
                yield (
                    each.claimed_at, each.key, each.customer_key, each.granted.what,
                    each.granted.name, each.granted.amount, str(each.state), each.expires_at,
                    each.order_key,
                )  # fmt: skip
            if len(page) < _PAGE:
                return
            before = page[-1].id


class Gifts:
    """Gifts by hand that needed a second person, the newest first."""

    kind: ClassVar[str] = "gifts"
    label: ClassVar[str] = N_("Gifts by hand")
    data: ClassVar[Data] = Data.CLAIMS
    params: ClassVar[type] = Nothing
    columns: ClassVar[tuple[Column, ...]] = (
        Column("asked_at", N_("When"), "instant"),
        Column("kind", N_("Kind"), words=KINDS),
        Column("to", N_("To")),
        Column("points", N_("Points"), "count"),
        Column("money", N_("Money"), "money"),
        Column("reason", N_("Reason")),
        Column("asked_by", N_("Asked by")),
        Column("state", N_("State"), words=GIFT_STATES),
        Column("decided_by", N_("Decided by")),
        Column("decided_at", N_("Decided at"), "instant"),
    )

    @staticmethod
    def rows(source: Source, params: Nothing) -> Iterator[Row]:
        """Yield a row a gift: first those that wait."""
        for waiting in (True, False):
            before: UUID | None = None
            while True:
                with source.house.db.read() as tx:
                    page = gifts_page(
                        tx, shop_id=source.shop.id, waiting=waiting, limit=_PAGE, before=before
                    )
                for each in page:
                    gift = each.gift
                    yield (
                        each.requested_at, gift.kind, gift.subject, gift.points, gift.money_minor,
                        gift.reason, each.requested_by, str(each.state), each.decided_by,
                        each.decided_at,
                    )  # fmt: skip
                if len(page) < _PAGE:
                    break
                before = page[-1].id

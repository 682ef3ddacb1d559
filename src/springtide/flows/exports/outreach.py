"""Outreaches, and what became of each message."""

from collections.abc import Iterator
from typing import ClassVar

import msgspec

from springtide.connectors.tabular.writers import Column, Row
from springtide.domain.access.model import Data
from springtide.domain.campaigns.queries import campaign
from springtide.domain.outreach import queries
from springtide.domain.outreach.model import MESSAGE_STATES, OUTREACH_STATES, MessageState
from springtide.domain.outreach.ports import (
    LABELS,
)
from springtide.flows.files.export import Nothing, Source
from springtide.kit.errors import N_
from springtide.kit.ids import inward, outward

_MOST = 10_000_000
_ARMS = {
    "treated": N_("Written to"),
    "control": N_("Control group"),
    "difference": N_("Difference"),
    "difference_low": N_("Difference, lower end of the 95% interval"),
    "difference_high": N_("Difference, upper end of the 95% interval"),
}


class Outreaches:
    """The shop's outreaches, the newest first."""

    kind: ClassVar[str] = "outreaches"
    label: ClassVar[str] = N_("Outreach")
    data: ClassVar[Data] = Data.OUTREACH
    params: ClassVar[type] = Nothing
    columns: ClassVar[tuple[Column, ...]] = (
        Column("outreach", N_("Outreach")),
        Column("name", N_("Name")),
        Column("channel", N_("Channel"), words=LABELS),
        Column("status", N_("Status"), words=OUTREACH_STATES),
        Column("started_at", N_("Started"), "instant"),
        Column("finished_at", N_("Ended at"), "instant"),
        Column("audience", N_("Audience"), "count"),
        Column("treated", N_("Written to"), "count"),
        Column("sent", N_("Sent"), "count"),
        Column("failed", N_("Failed"), "count"),
    )

    @staticmethod
    def rows(source: Source, params: Nothing) -> Iterator[Row]:
        """Yield a row an outreach."""
        with source.house.db.read() as tx:
            for each in queries.outreaches_of(tx, shop_id=source.shop.id, limit=_MOST):
                progress = queries.progress(tx, outreach_id=each.id)
                yield (
                    outward("otr", each.id), each.name, each.channel, str(each.status),
                    each.started_at, each.finished_at, progress.audience_count,
                    progress.treated_count, progress.counts.get(MessageState.SENT, 0),
                    progress.counts.get(MessageState.FAILED, 0),
                )  # fmt: skip


class OneOutreach(msgspec.Struct, forbid_unknown_fields=True):
    """An outreach by its id (``otr_…``)."""

    outreach: str


class OutreachEffect:
    """What an outreach caused so far: both arms, and their difference with its 95% interval.

    Shares of buyers are in basis points; a difference is of those, and of the money a person paid.
    """

    kind: ClassVar[str] = "outreach_effect"
    label: ClassVar[str] = N_("What it caused")
    data: ClassVar[Data] = Data.OUTREACH
    params: ClassVar[type] = OneOutreach
    columns: ClassVar[tuple[Column, ...]] = (
        Column("arm", N_("Group"), words=_ARMS),
        Column("people", N_("People"), "count"),
        Column("buyers", N_("Buyers"), "count"),
        Column("buyers_bps", N_("Share of buyers in hundredths of a percent"), "count"),
        Column("money", N_("Money per person"), "money"),
    )

    @staticmethod
    def rows(source: Source, params: OneOutreach) -> Iterator[Row]:
        """Yield the arms, the difference, and the ends of its interval; nothing before it began."""
        shop = source.shop
        with source.house.db.read() as tx:
            found = queries.outreach(
                tx, shop_id=shop.id, outreach_id=inward("otr", params.outreach)
            )
            until = None
            if found.campaign_id is not None:
                sale = campaign(tx, shop_id=shop.id, campaign_id=found.campaign_id)
                until = sale.selling.ends_at
            effect = queries.result_so_far(
                source.house.facts, tx, shop=shop, outreach=found, until=until, now=source.now
            )
        if effect is None:
            return
        for name, arm in (("treated", effect.treated), ("control", effect.control)):
            people, hits = arm.buyers.people, arm.buyers.hits
            if people:
                yield (name, people, hits, round(arm.buyers.rate * 10_000), round(arm.money.mean))
            else:
                yield (name, 0, 0, None, None)
        if effect.rate and effect.money:
            rate, money = effect.rate, effect.money
            for name, share, sum_ in (
                ("difference", rate.value, money.value),
                ("difference_low", rate.interval.low, money.interval.low),
                ("difference_high", rate.interval.high, money.interval.high),
            ):
                yield (name, None, None, round(share * 10_000), round(sum_))


class Messages:
    """Everybody in an outreach's audience, the control group too, by state."""

    kind: ClassVar[str] = "messages"
    label: ClassVar[str] = N_("Messages")
    data: ClassVar[Data] = Data.OUTREACH
    params: ClassVar[type] = OneOutreach
    columns: ClassVar[tuple[Column, ...]] = (
        Column("customer_key", N_("Customer")),
        Column("state", N_("State"), words=MESSAGE_STATES),
        Column("address", N_("Address")),
        Column("sent_at", N_("Sent at"), "instant"),
        Column("problem", N_("Problem")),
    )

    @staticmethod
    def rows(source: Source, params: OneOutreach) -> Iterator[Row]:
        """Yield a row a person."""
        with source.house.db.read() as tx:
            found = queries.outreach(
                tx, shop_id=source.shop.id, outreach_id=inward("otr", params.outreach)
            )
            for state in MessageState:
                for each in queries.messages_in_state(
                    tx, outreach_id=found.id, state=state, limit=_MOST
                ):
                    yield (
                        each.customer_key, str(state), each.address, each.sent_at, each.problem
                    )  # fmt: skip

"""What a campaign plans: its tasks and its products' prices."""

from collections.abc import Iterator
from typing import ClassVar

import msgspec

from springtide.connectors.tabular.writers import Column, Row
from springtide.domain.access.model import ROLE_NAMES, Data
from springtide.domain.campaigns.model import PHASE_TITLES
from springtide.domain.campaigns.queries import campaign, campaign_tasks, sale_prices
from springtide.domain.catalog.queries import products_by_keys
from springtide.flows.files.export import Source
from springtide.flows.timeline import planning
from springtide.flows.timeline.action import KINDS
from springtide.flows.timeline.model import STATE_LABELS
from springtide.flows.timeline.waiving import held_back
from springtide.kit.errors import N_
from springtide.kit.ids import inward


class OneCampaign(msgspec.Struct, forbid_unknown_fields=True):
    """The campaign, by its id (``cmp_…``)."""

    campaign: str


class CampaignTasks:
    """The tasks of a campaign as they are due."""

    kind: ClassVar[str] = "campaign_tasks"
    label: ClassVar[str] = N_("Tasks")
    data: ClassVar[Data] = Data.PLANS
    params: ClassVar[type] = OneCampaign
    columns: ClassVar[tuple[Column, ...]] = (
        Column("title", N_("Task")),
        Column("role", N_("Role"), words=ROLE_NAMES),
        Column("due_at", N_("Due"), "instant"),
        Column("done_at", N_("Done at"), "instant"),
        Column("done_by", N_("Done by")),
        Column("ticked", N_("Lines ticked"), "count"),
        Column("lines", N_("Lines of the checklist"), "count"),
        Column("gate", N_("Must be done before"), words=PHASE_TITLES),
    )

    @staticmethod
    def rows(source: Source, params: OneCampaign) -> Iterator[Row]:
        """Yield a row a task."""
        campaign_id = inward("cmp", params.campaign)
        with source.house.db.read() as tx:
            sale = campaign(tx, shop_id=source.shop.id, campaign_id=campaign_id)
            tasks = campaign_tasks(tx, shop_id=source.shop.id, campaign_id=campaign_id)
        for task in tasks:
            yield (
                task.title, task.role.value, sale.resolve(task.due), task.done_at, task.done_by,
                task.ticked_count, len(task.checklist), task.gate,
            )  # fmt: skip


class CampaignActions:
    """What the system does by itself for a campaign, and how far it is."""

    kind: ClassVar[str] = "campaign_actions"
    label: ClassVar[str] = N_("Timeline")
    data: ClassVar[Data] = Data.PLANS
    params: ClassVar[type] = OneCampaign
    columns: ClassVar[tuple[Column, ...]] = (
        Column("phase", N_("Phase"), words=PHASE_TITLES),
        Column("action", N_("Action"), words={name: each.label for name, each in KINDS.items()}),
        Column("target", N_("Done to")),
        Column("due_at", N_("Due"), "instant"),
        Column("state", N_("State"), words=STATE_LABELS),
        Column("waits_for", N_("Waits for")),
        Column("done_at", N_("Done at"), "instant"),
        Column("undone_at", N_("Undone at"), "instant"),
        Column("attempts", N_("Attempts"), "count"),
    )

    @staticmethod
    def rows(source: Source, params: OneCampaign) -> Iterator[Row]:
        """Yield a row an action."""
        campaign_id = inward("cmp", params.campaign)
        with source.house.db.read() as tx:
            campaign(tx, shop_id=source.shop.id, campaign_id=campaign_id)
            actions = planning.actions_of(tx, shop_id=source.shop.id, campaign_id=campaign_id)
            held = held_back(tx, campaign_id=campaign_id)
        for each in actions:
            waits_for = ", ".join(hold.name for hold in held.get(each.id, ()))
            yield (
                each.phase, each.kind, each.target, each.due_at, str(each.state), waits_for,
                each.done_at, each.undone_at, each.attempts,
            )  # fmt: skip


class CampaignPrices:
    """The products that draw the traffic, with what they cost before and during the sale."""

    kind: ClassVar[str] = "campaign_prices"
    label: ClassVar[str] = N_("Prices of the sale")
    data: ClassVar[Data] = Data.PLANS
    params: ClassVar[type] = OneCampaign
    columns: ClassVar[tuple[Column, ...]] = (
        Column("product_key", N_("Product")),
        Column("name", N_("Name")),
        Column("regular", N_("Regular price"), "money"),
        Column("sale", N_("Price during the sale"), "money"),
        Column("floor", N_("Lowest price allowed"), "money"),
        Column("cost", N_("Cost"), "money"),
    )

    @staticmethod
    def rows(source: Source, params: OneCampaign) -> Iterator[Row]:
        """Yield a row a product."""
        with source.house.db.read() as tx:
            sale = campaign(tx, shop_id=source.shop.id, campaign_id=inward("cmp", params.campaign))
            keys = [hero.product_key for hero in sale.heroes]
            prices = sale_prices(tx, campaign=sale, keys=keys, now=source.now)
            known = products_by_keys(tx, shop_id=source.shop.id, keys=keys)
        for hero in sale.heroes:
            price, product = prices.get(hero.product_key), known.get(hero.product_key)
            before = (price.regular_minor,) if price else (None,)
            bounds = (price.floor_minor, price.cost_minor) if price else (None, None)
            name = product.name if product else None
            yield (hero.product_key, name, *before, hero.price_minor, *bounds)

"""Campaigns, for reading: when the sale runs, what it aims at, what it shows first."""

from datetime import date, datetime
from typing import Annotated, Any

from litestar import get
from msgspec import Meta, Struct

from springtide.api.fields import PathKey
from springtide.api.paging import Cursor, Limit, Page, page_of, read_cursor
from springtide.bootstrap import House
from springtide.domain.access.model import Caller, Data, key_reading
from springtide.domain.campaigns import model, queries
from springtide.kit.ids import inward


class Phase(Struct, kw_only=True):
    """One phase, from its first instant to just before its end."""

    kind: Annotated[str, Meta(examples=["warm_up"])]
    name: str
    starts_at: datetime
    ends_at: datetime


class Goals(Struct, kw_only=True):
    """What the sale is to reach; 0 means no goal."""

    paid_minor: int
    buyers: int
    units: int


class Hero(Struct, kw_only=True):
    """A product that draws the traffic, and its price in the sale."""

    product_key: str
    price_minor: int


class Campaign(Struct, kw_only=True):
    """One sale."""

    id: Annotated[str, Meta(examples=["cmp_01jcd4v1p8e3x9f6m2k7s0t5wq"])]
    name: str
    day: date
    zone: Annotated[str, Meta(examples=["Asia/Shanghai"])]
    status: Annotated[
        str,
        Meta(
            description="draft, scheduled, warm_up, opening (the day has begun, the sale is not"
            " open yet), live, ended or withdrawn"
        ),
    ]
    phases: list[Phase]
    goals: Goals
    heroes: list[Hero]
    version: int
    scheduled_at: datetime | None
    opened_at: datetime | None
    withdrawn_at: datetime | None


@get(
    "/v1/campaigns",
    opt={"access": key_reading(Data.PLANS)},
    sync_to_thread=True,
    tags=["campaigns"],
    operation_id="listCampaigns",
    summary="List campaigns",
)
def list_campaigns(
    house: House, caller: Caller, limit: Limit = 50, cursor: Cursor = None
) -> Page[Campaign]:
    """List campaigns, the latest day first."""
    scope = f"campaigns {caller.shop.id}"
    after = read_cursor(house, scope=scope, cursor=cursor)
    with house.db.read() as tx:
        rows = queries.campaigns(tx, shop_id=caller.shop.id)
    # A shop has few campaigns: the page is cut here.
    rows = sorted(rows, key=lambda row: (row.day, row.key), reverse=True)
    if after:
        rows = [row for row in rows if [row.day.isoformat(), row.key] < after]
    found, next_cursor = page_of(
        house,
        scope=scope,
        rows=rows,
        limit=limit,
        position=lambda row: [row.day.isoformat(), row.key],
    )
    now = house.now(caller.shop)
    return Page(items=[_campaign(row, now) for row in found], next_cursor=next_cursor)


@get(
    "/v1/campaigns/{campaign_id:str}",
    opt={"access": key_reading(Data.PLANS)},
    sync_to_thread=True,
    tags=["campaigns"],
    operation_id="readCampaign",
    summary="Read a campaign",
)
def read_campaign(house: House, caller: Caller, campaign_id: PathKey) -> Campaign:
    """Read one campaign by its id."""
    with house.db.read() as tx:
        found = queries.campaign(tx, shop_id=caller.shop.id, campaign_id=inward("cmp", campaign_id))
    return _campaign(found, house.now(caller.shop))


def _campaign(campaign: model.Campaign, now: datetime) -> Campaign:
    windows = [(phase, campaign.window(phase.kind)) for phase in campaign.phases]
    return Campaign(
        id=campaign.key,
        name=campaign.name,
        day=campaign.day,
        zone=campaign.zone_name,
        status=campaign.status(now).value,
        phases=[
            Phase(
                kind=phase.kind.value,
                name=phase.name,
                starts_at=window.starts_at,
                ends_at=window.ends_at,
            )
            for phase, window in windows
        ],
        goals=Goals(
            paid_minor=campaign.goals.paid_minor,
            buyers=campaign.goals.buyers,
            units=campaign.goals.units,
        ),
        heroes=[
            Hero(product_key=hero.product_key, price_minor=hero.price_minor)
            for hero in campaign.heroes
        ],
        version=campaign.version,
        scheduled_at=campaign.scheduled_at,
        opened_at=campaign.opened_at,
        withdrawn_at=campaign.withdrawn_at,
    )


routes: list[Any] = [list_campaigns, read_campaign]

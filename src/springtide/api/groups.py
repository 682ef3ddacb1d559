"""Groups that buy together: those that can be joined, and what became of one."""

import time
from datetime import datetime
from typing import Annotated, Any, Literal

from litestar import Request, get
from litestar.params import PathParameter, QueryParameter
from msgspec import Meta, Struct
from sqlalchemy import Connection

from springtide.api.door import address_of
from springtide.api.guesses import GUESSES
from springtide.bootstrap import House
from springtide.domain.access.model import Caller, Key, Scope, Shop
from springtide.domain.rewards import groups
from springtide.domain.rewards.games import read_game
from springtide.domain.rewards.games.group_buy import GroupBuy, GroupUnknown
from springtide.domain.rewards.model import Group, Reward
from springtide.domain.rewards.published import masked
from springtide.domain.rewards.queries import reward as read_reward
from springtide.kit.ids import inward

_ACCESS = {"access": Key(Scope.CLAIMS_WRITE, publishable=True)}


class GroupOut(Struct, kw_only=True):
    """A group: how many paid, how many still may, and the price so many pay."""

    key: Annotated[str, Meta(description="A claim with it joins the group.")]
    reward: str
    product_key: str
    opened_by: Annotated[str, Meta(description="Masked.", examples=["王**"])]
    state: Literal["open", "done", "short"]
    size: int
    paid: int
    places: Annotated[int, Meta(description="Neither paid nor reserved.")]
    unit_minor: Annotated[
        int | None, Meta(description="Of a piece, for as many as have paid; null while short.")
    ]
    ends_at: datetime


class GroupList(Struct, kw_only=True):
    """Groups that can be joined."""

    items: list[GroupOut]


@get(
    "/v1/groups",
    opt=_ACCESS,
    sync_to_thread=True,
    tags=["claims"],
    operation_id="listGroups",
    summary="List the groups that can be joined",
)
def list_groups(
    house: House,
    caller: Caller,
    reward: Annotated[str, QueryParameter(max_length=40, description="The reward's key.")],
) -> GroupList:
    """List the open groups of a group buy that have places, the newest first, at most 50."""
    shop = caller.shop
    with house.db.read() as tx:
        saved = read_reward(tx, shop=shop, reward_id=inward("rwd", reward))
        found = groups.groups_of(tx, reward_id=saved.id, open_at=house.now(shop))
        items = _out(tx, shop, saved, found) if found else []
    return GroupList(items=[each for each in items if each.places])


@get(
    "/v1/groups/{key:str}",
    opt=_ACCESS,
    sync_to_thread=True,
    tags=["claims"],
    operation_id="readGroup",
    summary="Read a group",
)
def read_group(
    request: Request[Any, Any, Any],
    house: House,
    caller: Caller,
    key: Annotated[str, PathParameter(description="The group's key.", max_length=40)],
) -> GroupOut:
    """Read one group: open, done at a price, or short and paid back."""
    shop, at = caller.shop, time.monotonic()
    address = address_of(request.scope) if caller.key.is_publishable else None
    GUESSES.refuse(shop.id, customer=None, address=address, at_seconds=at)
    with house.db.read() as tx:
        try:
            found = groups.group(tx, shop_id=shop.id, key=key)
        except GroupUnknown:
            GUESSES.wrong(shop.id, [key], customer=None, address=address, at_seconds=at)
            raise
        saved = read_reward(tx, shop=shop, reward_id=found.reward_id)
        return _out(tx, shop, saved, [found])[0]


def _out(tx: Connection, shop: Shop, saved: Reward, found: list[Group]) -> list[GroupOut]:
    game = read_game(saved.kind, saved.params)
    assert isinstance(game, GroupBuy)
    return [
        GroupOut(
            key=each.key,
            reward=saved.key,
            product_key=each.product_key,
            opened_by=masked(each.opened_by),
            state=each.state,
            size=each.size,
            paid=paid,
            places=places,
            unit_minor=game.price_of(paid),
            ends_at=each.ends_at,
        )
        for each, paid, places in groups.places_of(tx, shop_id=shop.id, found=found)
    ]


routes = [list_groups, read_group]

"""A draw in public: its promise and odds before, its list and its proof when it is over."""

from typing import Any

import msgspec
from litestar import Response, get
from sqlalchemy import Connection

from springtide.bootstrap import House
from springtide.domain.access.model import Public, Shop
from springtide.domain.access.queries import shop_by_id
from springtide.domain.rewards.model import UnknownReward
from springtide.domain.rewards.proof import ProofFailed, verify
from springtide.domain.rewards.published import Announced, announced, draw_list
from springtide.domain.rewards.queries import shop_of_reward
from springtide.kit import ids
from springtide.kit.errors import Refusal
from springtide.web.frame.forms import AnyRequest
from springtide.web.frame.render import page

_OPEN = {"access": Public("shows what a draw promised and how it came out; names are masked")}
ENTRIES_SHOWN = 200


@get("/draws/{draw:str}", opt=_OPEN, sync_to_thread=True)
def draw_page(request: AnyRequest, house: House, draw: str) -> Response[Any]:
    """Show a draw's promise and odds; when it is over, draw the list again before the reader."""
    counts: dict[str, int] = {}
    failed: Refusal | None = None
    entries: tuple[Any, ...] = ()
    with house.db.read() as tx:
        shop, found = _announced(tx, house, draw)
        made = draw_list(tx, draw=found) if found.is_over else None
    if made is not None:
        entries = made.entries
        try:
            counts = verify(made)
        except ProofFailed as refused:
            failed = refused
    return page(
        request,
        "rewards/draw.html",
        draw=found,
        zone=shop.tz,
        seed=made.seed if made else "",
        entries=[each for each in entries if each.prize][:ENTRIES_SHOWN],
        entry_count=len(entries),
        counts=counts,
        failed=failed,
    )


@get("/draws/{draw:str}/list.json", opt=_OPEN, sync_to_thread=True)
def draw_file(house: House, draw: str) -> Response[bytes]:
    """Give the published list, as ``springtide draw verify`` reads it."""
    with house.db.read() as tx:
        _, found = _announced(tx, house, draw)
        content = msgspec.json.encode(draw_list(tx, draw=found))
    return Response(
        content,
        media_type="application/json",
        headers={"content-disposition": f'attachment; filename="{found.reward.key}.json"'},
    )


def _announced(tx: Connection, house: House, draw: str) -> tuple[Shop, Announced]:
    shop_id = shop_of_reward(tx, reward_id=ids.inward("rwd", draw))
    if shop_id is None:
        raise UnknownReward(key=draw[:40])
    shop = shop_by_id(tx, shop_id=shop_id)
    return shop, announced(tx, shop=shop, key=draw, now=house.now(shop))


routes = [draw_page, draw_file]

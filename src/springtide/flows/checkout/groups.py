"""Groups whose time is over: what a larger group saves is paid back, short groups whole.

Each order settles once: what is paid back has a key made of the group's, so a run that was cut
off goes on where it stopped.
"""

from datetime import datetime
from functools import partial

from sqlalchemy import Connection

from springtide.domain.access.act import Act
from springtide.domain.access.model import Actor, Shop
from springtide.domain.ledger.operations import transact
from springtide.domain.orders.model import OrderReturn
from springtide.domain.orders.operations import lock_paid_order, record_return
from springtide.domain.orders.queries import order_returns
from springtide.domain.rewards.games import read_game
from springtide.domain.rewards.games.group_buy import GroupBuy
from springtide.domain.rewards.groups import SHORT, decide, due_groups, mark_settled, members_of
from springtide.domain.rewards.model import Group
from springtide.domain.rewards.queries import reward
from springtide.flows.checkout.earned import paid_back_chains
from springtide.flows.checkout.net_paid import kept_pieces, paid_beside
from springtide.flows.checkout.returns import inputs_of_order, return_lines
from springtide.kit.db import Database
from springtide.kit.turns import all_in_turn

BATCH = 100


def settle_groups(db: Database, *, shop: Shop, actor: Actor, now: datetime) -> int:
    """Decide groups whose time is over and pay their buyers back; return how many are done."""
    with db.read() as tx:
        due = due_groups(tx, shop_id=shop.id, now=now, limit=BATCH)
        games = {each.reward_id: _game(tx, shop, each) for each in due}
    return all_in_turn(
        "settling groups",
        [partial(_settle_one, db, shop, actor, each, games[each.reward_id], now) for each in due],
    )


def _settle_one(
    db: Database, shop: Shop, actor: Actor, found: Group, game: GroupBuy, now: datetime
) -> int:
    with db.write() as tx:
        decided = decide(tx, shop=shop, found=found, least=game.tiers[0].people, now=now)
    if decided is None:
        return 0
    with db.read() as tx:
        members = members_of(tx, shop_id=shop.id, found=decided)
    for member in members:
        if member.order_key is not None:
            with db.write() as tx:
                _settle(Act.of(tx, shop, actor, now), decided, game, member.order_key)
    with db.write() as tx:
        mark_settled(tx, shop_id=shop.id, key=decided.key, now=now)
    return 1


def _game(tx: Connection, shop: Shop, found: Group) -> GroupBuy:
    saved = reward(tx, shop=shop, reward_id=found.reward_id)
    game = read_game(saved.kind, saved.params)
    assert isinstance(game, GroupBuy)
    return game


def _settle(act: Act, found: Group, game: GroupBuy, order_key: str) -> None:
    """Pay one member back, where there is something to pay back and it was not yet."""
    order = lock_paid_order(act.tx, shop=act.shop, key=order_key)
    before = order_returns(act.tx, order_id=order.id)
    key = f"group:{found.key}"
    line = next(line for line in order.lines if line.product_key == game.product_key)
    kept = kept_pieces(order, before)[game.product_key]
    if any(each.key == key for each in before) or not kept:
        return
    if found.state == SHORT:
        return_lines(
            act,
            order_key=order_key,
            return_key=key,
            lines={game.product_key: kept},
            policy="keep",
            is_owed=True,
        )
        return
    price = game.price_of(found.reached or 0)
    assert price is not None
    facts = inputs_of_order(order)[0].book.get(game.product_key)
    price = max(price, facts.floor_minor if facts else 0)
    beside = paid_beside(act.tx, shop=act.shop, order=order, returns=before).get(
        game.product_key, 0
    )
    cut = (line.payable_minor + beside - price * line.quantity) * kept // line.quantity
    if cut > 0:
        made = OrderReturn(key, {game.product_key: 0}, "group", cut, act.now)
        chains = paid_back_chains(act.tx, shop=act.shop, order=order, made=made)
        for refused in transact(act.tx, shop=act.shop, chains=chains, now=act.now):
            if refused is not None:
                raise refused
        record_return(act, order=order, returned=made)

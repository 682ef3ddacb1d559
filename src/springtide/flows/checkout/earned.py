"""What orders earn: worked out soon after they are paid, given on receipt, cut by returns.

Promised rewards are reserved transfers to the customer. Receipt posts them; a return voids them
and promises what the kept products still earn, or takes back what was given already.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import Connection

from springtide.domain.access.act import Act
from springtide.domain.access.model import Actor, Shop
from springtide.domain.ledger.model import ID_LENGTH_MAX, Chain, Post, Step, Transfer, Void
from springtide.domain.ledger.operations import reserved_for, transact
from springtide.domain.ledger.queries import Moved, spendable_at, transfers_by_ids
from springtide.domain.orders.earning import take_unearned, unearned_customers
from springtide.domain.orders.model import Order, OrderReturn
from springtide.domain.orders.operations import lock_paid_order, receive_order, record_return
from springtide.domain.orders.queries import order_returns, unreceived_keys
from springtide.domain.pricing.returns import kept_share
from springtide.domain.rewards.claiming import claim_batch
from springtide.domain.rewards.games import read_game
from springtide.domain.rewards.games.buy_to_get import BuyToGet, earned_by
from springtide.domain.rewards.games.share import brought
from springtide.domain.rewards.model import Attempt, Bought, Claim, Reward
from springtide.domain.rewards.queries import claims_by_keys, rewards_of_kind
from springtide.domain.rewards.redemption import use_up
from springtide.domain.rewards.refunds import owe_for_order
from springtide.flows.checkout.free_orders import free_order
from springtide.flows.checkout.net_paid import kept_beside, kept_pieces, less, paid_beside
from springtide.flows.claims.eligibility import asks_of
from springtide.flows.claims.standing import TierOf
from springtide.kit.db import Database
from springtide.kit.ids import joined, outward
from springtide.kit.turns import all_in_turn

#: An order counts as received by itself so long after it was paid, as on the platforms.
RECEIPT_AFTER = timedelta(days=10)
BATCH = 200


def earn(db: Database, *, shop: Shop, now: datetime, tiers: Callable[[], TierOf]) -> int:
    """Promise what newly paid orders earn, in one transaction; return of how many orders.

    ``tiers`` is called before that, and only when some reward asks for customers' tiers.
    """
    _give_for_friends(db, shop, now)
    with db.read() as tx:
        rewards = rewards_of_kind(tx, shop=shop, kind=BuyToGet.kind, is_open=True)
    tier_of = tiers() if any(asks_of(reward).tier for reward in rewards) else _no_tier
    with db.write() as tx:
        orders = take_unearned(tx, shop=shop, now=now, limit=BATCH)
        attempts = [
            attempt
            for order in orders
            if rewards and order.customer_key is not None
            for attempt in _attempts(tx, shop, order, rewards, tier_of(order.customer_key))
        ]
        if attempts:
            claim_batch(tx, shop=shop, attempts=attempts, now=now)
    return len(orders)


def _give_for_friends(db: Database, shop: Shop, now: datetime) -> None:
    """Give what was promised to who brought the customers of newly paid orders.

    In a transaction before those orders are marked: cut off between the two, it finds nothing
    more to give when it comes again.
    """
    with db.read() as tx:
        customers = unearned_customers(tx, shop_id=shop.id, limit=BATCH)
        promised = reserved_for(tx, shop_id=shop.id, references=map(brought, customers))
    if promised:
        with db.write() as tx:
            transact(tx, shop=shop, chains=[Chain((Post(each),)) for each in promised], now=now)


def receive(act: Act, *, key: str) -> Order:
    """Note that an order was received, and give what it earned. Raises NotFound, OrderNotPaid."""
    order = lock_paid_order(act.tx, shop=act.shop, key=key)
    if order.received_at is not None:
        return order
    freed = free_order(act.tx, shop=act.shop, order=order, now=act.now)
    chains: list[Chain] = []
    if freed is not None:
        chains = paid_back_chains(act.tx, shop=act.shop, order=order, made=freed[1])
    promised = reserved_for(act.tx, shop_id=act.shop.id, references=[earned_by(key)])
    posts = [Chain((Post(each),)) for each in _still_promised(promised, chains)]
    if chains or posts:
        transact(act.tx, shop=act.shop, chains=[*chains, *posts], now=act.now)
    if freed is not None:
        prize, made = freed
        use_up(act.tx, claim=prize, order_key=key)
        order = record_return(act, order=order, returned=made)
    return receive_order(act, key=key)


def paid_back_chains(tx: Connection, *, shop: Shop, order: Order, made: OrderReturn) -> list[Chain]:
    """Return what moves when money is paid back without a piece coming back.

    The shop owes it, and what the order earned is cut to what was really paid.
    """
    kept = kept_pieces(order, order_returns(tx, order_id=order.id))
    return [
        owed_chain(order, made),
        *cut_earned(tx, shop=shop, order=order, kept=kept, now=made.returned_at, made=made),
    ]


def owed_chain(order: Order, made: OrderReturn) -> Chain:
    """Return what puts a refund on the list of what the shop has to pay back."""
    return owe_for_order(
        joined(order.key, made.key, length_max=ID_LENGTH_MAX - 20),
        made.refund_minor,
        order_key=order.key,
        customer_key=order.customer_key,
    )


def _still_promised(promised: Iterable[str], cuts: Iterable[Chain]) -> list[str]:
    """Return what is promised once some of it was cut."""
    steps = [step for chain in cuts for step in chain.steps]
    voided = {step.of for step in steps if isinstance(step, Void)}
    fresh = [step.id for step in steps if isinstance(step, Transfer) and step.reserve]
    return [*(each for each in promised if each not in voided), *fresh]


def receive_old(db: Database, *, shop: Shop, actor: Actor, now: datetime) -> int:
    """Take orders as received that were paid long ago; return how many."""
    with db.read() as tx:
        keys = unreceived_keys(tx, shop_id=shop.id, paid_before=now - RECEIPT_AFTER, limit=BATCH)
    return all_in_turn("receiving orders", [partial(_receive, db, shop, actor, key, now)
                                            for key in keys])  # fmt: skip


def _receive(db: Database, shop: Shop, actor: Actor, key: str, now: datetime) -> int:
    with db.write() as tx:
        receive(Act.of(tx, shop, actor, now), key=key)
    return 1


def cut_earned(
    tx: Connection,
    *,
    shop: Shop,
    order: Order,
    kept: Mapping[str, int],
    now: datetime,
    made: OrderReturn | None = None,
) -> list[Chain]:
    """Return what has to move when only ``kept`` pieces of an order stay with the customer.

    ``made`` is what is just being paid back for pieces that stay.
    """
    rewards = {reward.id: reward for reward in rewards_of_kind(tx, shop=shop, kind=BuyToGet.kind)}
    keys = [_key(order, reward) for reward in rewards.values()]
    claims = claims_by_keys(tx, shop_id=shop.id, keys=keys)
    returns = order_returns(tx, order_id=order.id)
    number = len(returns) + 1
    beside = paid_beside(tx, shop=shop, order=order, returns=returns)
    if made is not None:
        less(beside, order, made)
    bought = Bought(order.key, order.placed_at, _kept_money(order, kept, beside))
    return [
        chain
        for claim in claims
        if (chain := _cut(tx, shop, rewards[claim.reward_id], claim, bought, number, now))
    ]


def _cut(
    tx: Connection,
    shop: Shop,
    reward: Reward,
    claim: Claim,
    bought: Bought,
    number: int,
    now: datetime,
) -> Chain | None:
    game = read_game(reward.kind, reward.params)
    assert isinstance(game, BuyToGet)
    name = outward("clm", claim.id)
    given = [f"{name}:given", *(f"{name}:given{n}" for n in range(1, number))]
    taken = [f"{name}:taken{n}" for n in range(1, number)]
    moved = transfers_by_ids(tx, shop_id=shop.id, ids=[*given, *taken])
    wanted = game.earned(bought, claim.granted.tier)
    promised = [each for each in moved if each.state == "reserved"]
    if promised:
        return _promise_less(promised[0], wanted, f"{name}:given{number}")
    posted = [each for each in moved if each.state == "posted"]
    has = sum(-each.amount if each.id in taken else each.amount for each in posted)
    if not posted or has <= wanted:
        return None
    first = posted[0]
    # What the customer has spent already cannot be taken back: the shop bears it.
    spendable = spendable_at(tx, shop_id=shop.id, key=first.target, now=now)
    amount = min(has - wanted, spendable)
    if amount <= 0:
        return None
    step = Transfer(
        f"{name}:taken{number}",
        first.target,
        first.source,
        amount,
        reference=first.reference,
        customer_key=claim.customer_key,
    )
    return Chain((step,))


def _promise_less(promised: Moved, wanted: int, id_: str) -> Chain | None:
    if promised.amount <= wanted:
        return None
    steps: list[Step] = [Void(promised.id)]
    if wanted:
        steps.append(
            Transfer(
                id_,
                promised.source,
                promised.target,
                wanted,
                reserve=True,
                lot_expires_at=promised.lot_expires_at,
                reference=promised.reference,
                customer_key=promised.customer_key,
            )
        )
    return Chain(tuple(steps))


def _no_tier(_key: str) -> None:
    return None


def _attempts(
    tx: Connection, shop: Shop, order: Order, rewards: Iterable[Reward], tier: str | None
) -> list[Attempt]:
    returns = order_returns(tx, order_id=order.id)
    beside = paid_beside(tx, shop=shop, order=order, returns=returns)
    money = _kept_money(order, kept_pieces(order, returns), beside)
    return [
        Attempt(
            key=(key := _key(order, reward)),
            reward_id=reward.id,
            customer_key=order.customer_key or "",
            asked=hashlib.blake2b(key.encode(), digest_size=16).hexdigest(),
            visitor_key=order.visitor_key,
            bought=Bought(order.key, order.placed_at, money),
            tier=tier,
            is_given=True,
        )
        for reward in rewards
    ]


def _kept_money(order: Order, kept: Mapping[str, int], beside: Mapping[str, int]) -> dict[str, int]:
    more = kept_beside(order, beside, kept)
    return {
        line.product_key: kept_share(
            line.payable_minor, kept.get(line.product_key, 0), line.quantity
        )
        + more.get(line.product_key, 0)
        for line in order.lines
    }


def _key(order: Order, reward: Reward) -> str:
    return f"order:{order.key}:{reward.key}"

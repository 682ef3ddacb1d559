"""Value given by hand: at once within what one person may give alone, else by two persons."""

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection

from springtide.domain.access.model import Actor, Permission, Shop
from springtide.domain.access.queries import members_of
from springtide.domain.customers.erasing import refuse_erased
from springtide.domain.ledger.model import MONEY
from springtide.domain.rewards.approvals import (
    Bounds,
    Gift,
    Request,
    SecondPersonNeeded,
    ask_second_person,
    bounds_of,
    checked_bounds,
    decide_gift,
    may_give_alone,
    set_bounds,
)
from springtide.domain.rewards.grants import POINTS
from springtide.domain.rewards.model import RewardState
from springtide.domain.rewards.operations import budget_of, publish_reward
from springtide.domain.rewards.points import adjust_points, checked_adjustment
from springtide.domain.rewards.queries import reward
from springtide.flows.timeline import planning
from springtide.kit.errors import N_
from springtide.kit.ids import inward

#: What whoever asked is told.
WAITS = N_("This is more than one person may give alone in a day: it waits for another's word.")
#: What a gift by hand is, by its kind.
KINDS = {
    "points": N_("Points to a customer"),
    "publish": N_("Budget of a reward"),
    "issue": N_("Reward to a list of customers"),
    "bounds": N_("Higher bounds of what one person may give alone"),
}


def give_points(
    tx: Connection,
    *,
    shop: Shop,
    customer_key: str,
    amount: int,
    reason: str,
    actor: Actor,
    now: datetime,
    real_now: datetime,
) -> UUID | None:
    """Give or take points; return the id of a gift that waits for a second person, else None.

    Raises what ``adjust_points`` does.
    """
    checked_adjustment(amount, reason)
    if amount > 0:
        refuse_erased(tx, shop_id=shop.id, key=customer_key)
    params = {"customer_key": customer_key, "amount": amount}
    gift = Gift("points", customer_key, max(amount, 0), 0, params, reason)
    if amount > 0 and not may_give_alone(tx, shop=shop, gift=gift, actor=actor, real_now=real_now):
        return ask_second_person(tx, shop=shop, gift=gift, actor=actor, real_now=real_now)
    adjust_points(
        tx,
        shop=shop,
        customer_key=customer_key,
        amount=amount,
        reason=reason,
        actor=actor,
        now=now,
    )
    return None


def publish(
    tx: Connection,
    *,
    shop: Shop,
    reward_id: UUID,
    actor: Actor,
    now: datetime,
    real_now: datetime,
    may_ask: bool = True,
) -> UUID | None:
    """Publish a reward; return the id of a gift that waits for a second person, else None.

    Where nobody is there to be told (``may_ask`` false) raises SecondPersonNeeded.
    """
    found = reward(tx, shop=shop, reward_id=reward_id)
    budget = budget_of(found)
    gift = Gift(
        "publish",
        found.key,
        budget.get(POINTS, 0),
        budget.get(MONEY, 0),
        {"reward": found.key},
        found.name,
        is_budget=True,
    )
    if found.state is not RewardState.PUBLISHED and not may_give_alone(
        tx, shop=shop, gift=gift, actor=actor, real_now=real_now
    ):
        if not may_ask:
            raise SecondPersonNeeded
        return ask_second_person(tx, shop=shop, gift=gift, actor=actor, real_now=real_now)
    publish_reward(tx, shop=shop, reward_id=reward_id, actor=actor, now=now)
    return None


def issue(
    tx: Connection,
    *,
    shop: Shop,
    params: dict[str, Any],
    actor: Actor,
    now: datetime,
    real_now: datetime,
) -> UUID | None:
    """Let a reward's list be invited, or given to at once, as ``publish`` does.

    What is given is at most the reward's budget: that counts.
    """
    found = reward(tx, shop=shop, reward_id=inward("rwd", params["reward"]))
    budget = budget_of(found) if params["give"] else {}
    gift = Gift("issue", found.key, budget.get(POINTS, 0), budget.get(MONEY, 0), params, found.name)
    if params["give"] and not may_give_alone(
        tx, shop=shop, gift=gift, actor=actor, real_now=real_now
    ):
        return ask_second_person(tx, shop=shop, gift=gift, actor=actor, real_now=real_now)
    _issue(tx, shop, params, actor, now)
    return None


def change_bounds(
    tx: Connection, *, shop: Shop, bounds: Bounds, actor: Actor, real_now: datetime
) -> UUID | None:
    """Set what one person may give alone; return the id of what waits for a second one, else None.

    What is lowered holds at once. What is raised needs another person of the shop who may approve
    gifts, if there is one: else whoever sets the bounds could give anything alone, a raise before.
    """
    kept = msgspec.structs.asdict(bounds_of(tx, shop_id=shop.id))
    wanted = msgspec.structs.asdict(bounds)
    raised = {name: value for name, value in wanted.items() if value > kept[name]}
    if raised and _has_second_person(tx, shop, actor):
        checked_bounds(bounds)
        held = {name: kept[name] if name in raised else value for name, value in wanted.items()}
        if held != kept:
            set_bounds(tx, shop=shop, bounds=Bounds(**held), actor=actor, now=real_now)
        told = ", ".join(f"{name}={value}" for name, value in raised.items())
        gift = Gift("bounds", told, 0, 0, raised)
        return ask_second_person(tx, shop=shop, gift=gift, actor=actor, real_now=real_now)
    set_bounds(tx, shop=shop, bounds=bounds, actor=actor, now=real_now)
    return None


def _has_second_person(tx: Connection, shop: Shop, actor: Actor) -> bool:
    return any(
        each.may(Permission.GIFTS_APPROVE) and each.actor.id != actor.id
        for each in members_of(tx, shop=shop)
    )


def decide(
    tx: Connection,
    *,
    shop: Shop,
    gift_id: UUID,
    approve: bool,
    actor: Actor,
    now: datetime,
    real_now: datetime,
) -> Request:
    """Write down a second person's word, and give the gift with it: once, or not at all.

    Raises what giving raises (the gift goes on waiting then), NotFound, GiftDecided, SamePerson.
    """
    request = decide_gift(
        tx, shop=shop, gift_id=gift_id, approve=approve, actor=actor, real_now=real_now
    )
    if approve:
        gift = request.gift
        asked = Actor("person", request.requested_by_id, f"{request.requested_by} + {actor.name}")
        if gift.kind == "bounds":
            bounds = msgspec.structs.replace(bounds_of(tx, shop_id=shop.id), **gift.params)
            set_bounds(tx, shop=shop, bounds=bounds, actor=asked, now=real_now)
        elif gift.kind == "points":
            refuse_erased(tx, shop_id=shop.id, key=gift.params["customer_key"])
            adjust_points(
                tx,
                shop=shop,
                customer_key=gift.params["customer_key"],
                amount=gift.params["amount"],
                reason=gift.reason,
                actor=asked,
                now=now,
            )
        elif gift.kind == "publish":
            publish_reward(
                tx, shop=shop, reward_id=inward("rwd", gift.params["reward"]), actor=asked, now=now
            )
        else:
            _issue(tx, shop, dict(gift.params), asked, now)
    return request


def _issue(tx: Connection, shop: Shop, params: dict[str, Any], actor: Actor, now: datetime) -> None:
    planning.enqueue(tx, shop=shop, kind="issue_reward", params=params, actor=actor, now=now)

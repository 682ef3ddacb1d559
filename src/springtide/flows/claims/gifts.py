"""Value given by hand: at once within what one person may give alone, else by two persons."""

from typing import Any
from uuid import UUID

import msgspec

from springtide.domain.access.act import Act
from springtide.domain.access.model import Actor, Permission
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
from springtide.domain.rewards.operations import budget_of, publish_reward
from springtide.domain.rewards.points import adjust_points, checked_adjustment
from springtide.domain.rewards.queries import reward
from springtide.domain.rewards.states import RewardState
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


def give_points(act: Act, *, customer_key: str, amount: int, reason: str) -> UUID | None:
    """Give or take points; return the id of a gift that waits for a second person, else None.

    Raises what ``adjust_points`` does.
    """
    checked_adjustment(amount, reason)
    if amount > 0:
        refuse_erased(act.tx, shop_id=act.shop.id, key=customer_key)
    params = {"customer_key": customer_key, "amount": amount}
    gift = Gift("points", customer_key, max(amount, 0), 0, params, reason)
    if amount > 0 and not may_give_alone(act, gift=gift):
        return ask_second_person(act, gift=gift)
    adjust_points(act, customer_key=customer_key, amount=amount, reason=reason)
    return None


def publish(act: Act, *, reward_id: UUID, may_ask: bool = True) -> UUID | None:
    """Publish a reward; return the id of a gift that waits for a second person, else None.

    Where nobody is there to be told (``may_ask`` false) raises SecondPersonNeeded.
    """
    found = reward(act.tx, shop=act.shop, reward_id=reward_id)
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
    if found.state is not RewardState.PUBLISHED and not may_give_alone(act, gift=gift):
        if not may_ask:
            raise SecondPersonNeeded
        return ask_second_person(act, gift=gift)
    publish_reward(act, reward_id=reward_id)
    return None


def issue(act: Act, *, params: dict[str, Any]) -> UUID | None:
    """Let a reward's list be invited, or given to at once, as ``publish`` does.

    What is given is at most the reward's budget: that counts.
    """
    found = reward(act.tx, shop=act.shop, reward_id=inward("rwd", params["reward"]))
    budget = budget_of(found) if params["give"] else {}
    gift = Gift("issue", found.key, budget.get(POINTS, 0), budget.get(MONEY, 0), params, found.name)
    if params["give"] and not may_give_alone(act, gift=gift):
        return ask_second_person(act, gift=gift)
    _issue(act, params)
    return None


def change_bounds(act: Act, *, bounds: Bounds) -> UUID | None:
    """Set what one person may give alone; return the id of what waits for a second one, else None.

    What is lowered holds at once. What is raised needs another person of the shop who may approve
    gifts, if there is one: else whoever sets the bounds could give anything alone, a raise before.
    """
    kept = msgspec.structs.asdict(bounds_of(act.tx, shop_id=act.shop.id))
    wanted = msgspec.structs.asdict(bounds)
    raised = {name: value for name, value in wanted.items() if value > kept[name]}
    if raised and _has_second_person(act):
        checked_bounds(bounds)
        held = {name: kept[name] if name in raised else value for name, value in wanted.items()}
        if held != kept:
            set_bounds(act, bounds=Bounds(**held))
        told = ", ".join(f"{name}={value}" for name, value in raised.items())
        gift = Gift("bounds", told, 0, 0, raised)
        return ask_second_person(act, gift=gift)
    set_bounds(act, bounds=bounds)
    return None


def _has_second_person(act: Act) -> bool:
    return any(
        each.may(Permission.GIFTS_APPROVE) and each.actor.id != act.actor.id
        for each in members_of(act.tx, shop=act.shop)
    )


def decide(act: Act, *, gift_id: UUID, approve: bool) -> Request:
    """Write down a second person's word, and give the gift with it: once, or not at all.

    Raises what giving raises (the gift goes on waiting then), NotFound, GiftDecided, SamePerson.
    """
    request = decide_gift(act, gift_id=gift_id, approve=approve)
    if approve:
        gift = request.gift
        asked = Actor(
            "person", request.requested_by_id, f"{request.requested_by} + {act.actor.name}"
        )
        if gift.kind == "bounds":
            bounds = msgspec.structs.replace(bounds_of(act.tx, shop_id=act.shop.id), **gift.params)
            set_bounds(act.by(asked), bounds=bounds)
        elif gift.kind == "points":
            refuse_erased(act.tx, shop_id=act.shop.id, key=gift.params["customer_key"])
            adjust_points(
                act.by(asked),
                customer_key=gift.params["customer_key"],
                amount=gift.params["amount"],
                reason=gift.reason,
            )
        elif gift.kind == "publish":
            publish_reward(act.by(asked), reward_id=inward("rwd", gift.params["reward"]))
        else:
            _issue(act.by(asked), dict(gift.params))
    return request


def _issue(act: Act, params: dict[str, Any]) -> None:
    planning.enqueue(act, kind="issue_reward", params=params)

"""Returns: pieces come back, and what is paid back follows the campaign's stated policy."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from springtide.domain.access.act import Act
from springtide.domain.access.model import Shop
from springtide.domain.ledger.operations import transact
from springtide.domain.orders.model import Order, OrderReturn
from springtide.domain.orders.operations import lock_paid_order, record_return
from springtide.domain.orders.queries import order_returns
from springtide.domain.pricing.model import Decision
from springtide.domain.pricing.operations import given_by
from springtide.domain.pricing.queries import kept_plan, terms_of_campaign
from springtide.domain.pricing.replay import Inputs, refuse_other_engine
from springtide.domain.pricing.returns import ReturnOwes, kept_after, kept_price
from springtide.domain.rewards import redemption
from springtide.flows.checkout.earned import cut_earned, owed_chain
from springtide.flows.checkout.net_paid import kept_beside, paid_beside, pieces_back
from springtide.kit import ids
from springtide.kit.errors import N_, Refusal


class NoInputs(Refusal):
    """An order from before what a price is made from was kept."""

    code = "order_without_inputs"
    status = 409
    text = N_("Order {key} was priced before the inputs of prices were kept.")


class ReturnTaken(Refusal):
    """A return's key with other lines than before."""

    code = "return_key_taken"
    status = 409
    text = N_("Order {order} has another return {key} already.")


@dataclass(frozen=True, slots=True)
class Returned:
    """An order after a return, and the return."""

    order: Order
    made: OrderReturn


def return_lines(
    act: Act,
    *,
    order_key: str,
    return_key: str,
    lines: Mapping[str, int],
    policy: str | None = None,
    is_owed: bool = False,
) -> Returned:
    """Take pieces of a paid order back and say what is to be paid back for them.

    The same return key again is the same return. When nothing is kept, limits of the order's
    rules are given back, and what it was paid with besides money. ``policy`` stands in place of
    the campaign's; ``is_owed`` puts the refund on the list of what the shop has to pay back.
    Raises NotFound, OrderNotPaid, Invalid (more than there is), ReturnOwes.
    """
    order = lock_paid_order(act.tx, shop=act.shop, key=order_key)
    before = order_returns(act.tx, order_id=order.id)
    same = next((each for each in before if each.key == return_key), None)
    if same is not None:
        if dict(same.lines) != dict(lines):
            raise ReturnTaken(order=order_key, key=return_key)
        return Returned(order, same)
    inputs, decision = inputs_of_order(order)
    kept = kept_after(decision, pieces_back(before), lines)
    earlier = next((each.policy for each in before if any(each.lines.values())), None)
    policy = policy or earlier or _policy(act.tx, act.shop, order)
    plan = kept_plan(act.tx, shop_id=act.shop.id, digest=inputs.plan)
    beside = paid_beside(act.tx, shop=act.shop, order=order, returns=before)
    cuts = sum(each.refund_minor for each in before if not any(each.lines.values()))
    refund = order.total_minor + sum(beside.values()) - (order.refunded_minor - cuts)
    refund -= kept_price(decision, inputs, plan, kept, policy)
    refund -= sum(kept_beside(order, beside, kept).values())
    if refund < 0:
        raise ReturnOwes(due_minor=-refund)
    made = OrderReturn(return_key, dict(lines), policy, refund, act.now)
    chains = cut_earned(act.tx, shop=act.shop, order=order, kept=kept, now=act.now)
    if not any(kept.values()):
        rules = given_by(decision)
        chains += redemption.give_back(
            act.tx, shop=act.shop, order_key=order.key, rules=rules, now=act.now
        )
    if is_owed and refund:
        chains.append(owed_chain(order, made))
    for refused in transact(act.tx, shop=act.shop, chains=chains, now=act.now) if chains else ():
        if refused is not None:
            raise refused
    after = record_return(act, order=order, returned=made)
    return Returned(after, made)


def inputs_of_order(order: Order) -> tuple[Inputs, Decision]:
    """Return what an order's price was made from, and the decision."""
    refuse_other_engine(order.key, str(order.decision.get("engine", "?")))
    if order.price_inputs is None:
        raise NoInputs(key=order.key)
    return Inputs.from_document(order.price_inputs), Decision.from_document(order.decision)


def _policy(tx: Connection, shop: Shop, order: Order) -> str:
    if order.campaign_key is None:
        return "keep"
    campaign_id = ids.inward("cmp", order.campaign_key)
    return terms_of_campaign(tx, shop_id=shop.id, campaign_id=campaign_id).returns

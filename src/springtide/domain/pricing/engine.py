"""The price of a cart: price book price, then the best legal set of rules, split over the lines.

Pure: no clock, no database. The rules of one set never share a line, so what one of them gives
does not change what another gives, and the best set can be found and proven by branch and bound.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from springtide.domain.pricing.model import (
    LINES_MAX,
    QUANTITY_MAX,
    ActiveRule,
    BadQuantity,
    Cart,
    CartLine,
    DecidedLine,
    Decision,
    EmptyCart,
    Offer,
    PricedLine,
    PriceFacts,
    Reason,
    RuleOutcome,
    TooManyLines,
    UnknownPrice,
    input_hash,
)
from springtide.domain.pricing.rules import read_rule
from springtide.kit.errors import Invalid, Refusal
from springtide.kit.money import split

#: Steps of the search for the best set; a shop's rules need a few hundred at most.
STEPS_MAX = 20_000


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A rule with its offer, and its shares a line once floors have had their say."""

    rule: ActiveRule
    offer: Offer
    shares: tuple[int, ...]
    amount_minor: int
    lines: frozenset[int]


def price(
    cart: Cart,
    *,
    rules: Sequence[ActiveRule],
    book: Mapping[str, PriceFacts],
    now: datetime,
) -> Decision:
    """Return the best price the rules allow for a cart, and how it was made.

    Refuses (``Invalid``, by field ``lines.<index>``) unknown products and impossible quantities.
    """
    lines = _merged(cart, book)
    ordered = sorted(rules, key=lambda rule: (rule.id, rule.version))
    candidates = [_candidate(rule, lines, now) for rule in ordered]
    chosen, is_proven = _best_set(candidates)
    outcomes = tuple(_outcome(candidate, chosen) for candidate in candidates)
    decided = tuple(
        _decided(line, sum(outcome.shares[index] for outcome in outcomes))
        for index, line in enumerate(lines)
    )
    merged = Cart(tuple(CartLine(line.product_key, line.quantity) for line in lines), cart.currency)
    used = {line.product_key: line.facts for line in lines}
    return Decision(
        currency=cart.currency,
        priced_at=now,
        input_hash=input_hash(cart=merged, rules=ordered, prices=used, now=now),
        lines=decided,
        rules=outcomes,
        regular_total_minor=sum(line.regular_minor * line.quantity for line in decided),
        gross_minor=sum(line.gross_minor for line in decided),
        discount_minor=sum(line.discount_minor for line in decided),
        total_minor=sum(line.payable_minor for line in decided),
        is_proven=is_proven,
    )


def allocate(total: int, *, weights: Sequence[int], limits: Sequence[int]) -> list[int]:
    """Split a total by weight, no part above its limit; what does not fit moves to other parts.

    The parts sum to ``min(total, sum(limits))``.

    >>> allocate(100, weights=[1, 1], limits=[30, 200])
    [30, 70]
    """
    parts = [0] * len(weights)
    left = min(total, sum(limits))
    while left:
        open_parts = [i for i in range(len(parts)) if parts[i] < limits[i]]
        shares = split(left, [weights[i] for i in open_parts])
        for index, share in zip(open_parts, shares, strict=True):
            given = min(share, limits[index] - parts[index])
            parts[index] += given
            left -= given
    return parts


def _merged(cart: Cart, book: Mapping[str, PriceFacts]) -> list[PricedLine]:
    """Return one line a product, sorted by key: the order a cart was filled in changes nothing."""
    if not cart.lines:
        raise Invalid({"lines": EmptyCart()})
    quantities: dict[str, int] = {}
    problems: dict[str, Refusal] = {}
    for index, line in enumerate(cart.lines):
        quantities[line.product_key] = quantities.get(line.product_key, 0) + line.quantity
        if line.product_key not in book:
            problems[f"lines.{index}.product_key"] = UnknownPrice(product_key=line.product_key)
        if line.quantity < 1 or quantities[line.product_key] > QUANTITY_MAX:
            problems[f"lines.{index}.quantity"] = BadQuantity(
                product_key=line.product_key, quantity=line.quantity, limit=QUANTITY_MAX
            )
    if len(quantities) > LINES_MAX:
        problems["lines"] = TooManyLines(limit=LINES_MAX, count=len(quantities))
    if problems:
        raise Invalid(problems)
    return [PricedLine(key, quantities[key], book[key]) for key in sorted(quantities)]


def _candidate(rule: ActiveRule, lines: Sequence[PricedLine], now: datetime) -> _Candidate:
    nothing = (0,) * len(lines)
    reason = _window_reason(rule, now)
    if reason:
        return _Candidate(rule, Offer(0, (), reason), nothing, 0, frozenset())
    offer = read_rule(rule.kind, rule.params).offer(lines)
    if not offer.amount_minor:
        return _Candidate(rule, offer, nothing, 0, frozenset(offer.lines))
    parts = allocate(
        offer.amount_minor,
        weights=[lines[index].gross_minor for index in offer.lines],
        limits=[lines[index].room_minor for index in offer.lines],
    )
    shares = list(nothing)
    for index, part in zip(offer.lines, parts, strict=True):
        shares[index] = part
    return _Candidate(rule, offer, tuple(shares), sum(parts), frozenset(offer.lines))


def _window_reason(rule: ActiveRule, now: datetime) -> Reason | None:
    if rule.starts_at and now < rule.starts_at:
        return Reason("not_open", now.isoformat(), rule.starts_at.isoformat())
    if rule.ends_at and now >= rule.ends_at:
        return Reason("closed", now.isoformat(), rule.ends_at.isoformat())
    return None


def _best_set(candidates: Sequence[_Candidate]) -> tuple[list[_Candidate], bool]:
    """Return the rules that give most together, none sharing a line; and whether that is proven.

    Branch and bound over the rules from the largest amount down. What is still to come gives a
    line at most the largest share that any later rule gives it; a branch that could not beat the
    best set by this bound is left. Ties go to the set found first: larger amounts, earlier ids.
    """
    useful = _undominated(candidates)
    to_come = _largest_shares(useful)
    best: list[_Candidate] = []
    best_amount = steps = 0

    def walk(start: int, taken: list[_Candidate], lines: frozenset[int], amount: int) -> None:
        nonlocal best, best_amount, steps
        if amount > best_amount:
            best, best_amount = list(taken), amount
        for index in range(start, len(useful)):
            steps += 1
            bound = sum(share for line, share in to_come[index].items() if line not in lines)
            if amount + bound <= best_amount or steps > STEPS_MAX:
                return
            candidate = useful[index]
            if not lines & candidate.lines:
                taken.append(candidate)
                walk(index + 1, taken, lines | candidate.lines, amount + candidate.amount_minor)
                taken.pop()

    walk(0, [], frozenset(), 0)
    return best, steps <= STEPS_MAX


def _undominated(candidates: Sequence[_Candidate]) -> list[_Candidate]:
    """Return what gives something, largest first; of rules on the same lines only the largest."""
    ordered = sorted(
        (c for c in candidates if c.amount_minor), key=lambda c: (-c.amount_minor, c.rule.id)
    )
    first: dict[frozenset[int], _Candidate] = {}
    for candidate in ordered:
        first.setdefault(candidate.lines, candidate)
    return list(first.values())


def _largest_shares(useful: Sequence[_Candidate]) -> list[dict[int, int]]:
    """Return, for each place in the order, the largest share a rule from there on gives a line."""
    found: list[dict[int, int]] = []
    largest: dict[int, int] = {}
    for candidate in reversed(useful):
        for line in candidate.lines:
            share = candidate.shares[line]
            if share > largest.get(line, 0):
                largest[line] = share
        found.append(dict(largest))
    return found[::-1]


def _outcome(candidate: _Candidate, chosen: Sequence[_Candidate]) -> RuleOutcome:
    offer, given = candidate.offer, candidate.amount_minor
    is_applied = candidate in chosen
    reason = offer.reason
    if not is_applied and reason is None:
        reason = Reason("no_room", 0, offer.amount_minor) if not given else None
        winners = [c for c in chosen if c.lines & candidate.lines]
        reason = reason or Reason(
            "lost_to",
            given,
            sum(c.amount_minor for c in winners),
            tuple(sorted(c.rule.id for c in winners)),
        )
    return RuleOutcome(
        rule_id=candidate.rule.id,
        version=candidate.rule.version,
        kind=candidate.rule.kind,
        is_applied=is_applied,
        wanted_minor=offer.amount_minor,
        amount_minor=given if is_applied else 0,
        cut_minor=offer.amount_minor - given if is_applied else 0,
        shares=candidate.shares if is_applied else (0,) * len(candidate.shares),
        reason=reason,
        next_step=offer.next_step,
    )


def _decided(line: PricedLine, discount_minor: int) -> DecidedLine:
    return DecidedLine(
        product_key=line.product_key,
        quantity=line.quantity,
        regular_minor=line.facts.regular_minor,
        campaign_minor=line.facts.campaign_minor,
        floor_minor=line.facts.floor_minor,
        unit_minor=line.facts.unit_minor,
        gross_minor=line.gross_minor,
        discount_minor=discount_minor,
        payable_minor=line.gross_minor - discount_minor,
    )

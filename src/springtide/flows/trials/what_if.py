"""What if: a plan's prices and rules over the orders of a past time, as if they had held then.

Orders come from the facts, a few days at a time, so that memory does not grow with them. Each is
priced twice, at the price book's regular prices and under the plan; both by the engine that prices
carts. What buyers would have bought instead is not guessed: the same orders, other prices.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from springtide.domain.access.model import Shop
from springtide.domain.facts.reader import FactReader
from springtide.domain.pricing.book import Terms
from springtide.domain.pricing.engine import price
from springtide.domain.pricing.model import ANYBODY, Cart, CartLine, Decision, PriceFacts
from springtide.domain.pricing.plan import Plan
from springtide.domain.pricing.rule import ActiveRule, Guard
from springtide.domain.pricing.rules import RULES, checked_rule
from springtide.domain.pricing.terms import terms_problems
from springtide.kit.errors import N_, Invalid, Refusal
from springtide.kit.time import Window

#: Days of orders that are read at once.
_DAYS_AT_ONCE = 7
#: Products that the report names, the worst first.
LOSERS_SHOWN = 20
DAYS_MAX = 3 * 366
_ORDERS_PER_REPORT = 500

#: (done orders, all orders)
Progress = Callable[[int, int], None]

_COUNT = """
select count(distinct coalesce(order_key, source || ':' || external_id)) from facts
where shop = $shop and kind = 'order' and product_key is not null
  and occurred_at >= $since::timestamptz and occurred_at < $until::timestamptz
"""

_LINES = """
select coalesce(order_key, source || ':' || external_id) as key, min(occurred_at) as placed_at,
       product_key, sum(quantity)::bigint, sum(amount_minor)::bigint,
       sum(amount_minor + discount_minor)::bigint
from facts
where shop = $shop and kind = 'order' and product_key is not null and quantity > 0
  and occurred_at >= $since::timestamptz and occurred_at < $until::timestamptz
group by 1, 3 order by 1, 3
"""


class NoOrders(Refusal):
    """A time without an order."""

    code = "what_if_no_orders"
    text = N_("There is no order from {since} to {until}.")


class BadPeriod(Refusal):
    """A time that ends before it starts, or is too long."""

    code = "what_if_period"
    text = N_("The time must end after it starts, and last at most {days} days.")


class PlannedRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule of a plan that is not saved."""

    kind: str
    params: dict[str, Any]
    terms: Terms = Terms()
    #: What stackings of the other rules call it.
    id: str = ""


class PlanFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A plan: campaign prices a piece by product, rules, and a guard; money in minor units."""

    prices: dict[str, int] = {}
    rules: tuple[PlannedRule, ...] = ()
    guard: Guard = Guard()

    def compiled(self, zone: str) -> Plan:
        """Return the plan as carts are priced with; refuse (``Invalid``) what may not be saved."""
        problems: dict[str, Refusal] = {}
        rules = []
        for index, each in enumerate(self.rules):
            try:
                checked_rule(each.kind, each.params)
            except Invalid as invalid:
                problems |= {f"rules.{index}.{name}": why for name, why in invalid.fields.items()}
            wrong = terms_problems(each.terms)
            problems |= {f"rules.{index}.terms.{name}": why for name, why in wrong.items()}
            rules.append(
                ActiveRule(
                    each.id or f"rul_{index + 1}",
                    1,
                    each.kind,
                    each.params,
                    each.terms.conditions,
                    each.terms.stacking,
                    campaign_key="plan",
                )
            )
        if problems:
            raise Invalid(problems)
        return Plan(rules, guards={"plan": self.guard}, zone=zone)

    def names(self) -> dict[str, str]:
        """Return what its rules are called, by rule id; a kind's title is to be translated."""
        return {
            each.id or f"rul_{index + 1}": each.terms.name or RULES[each.kind].title
            for index, each in enumerate(self.rules)
        }


class RuleTotal(msgspec.Struct):
    """What one rule would have given."""

    name: str
    orders: int = 0
    amount_minor: int = 0


class ProductTotal(msgspec.Struct):
    """What became of one product; margins are of the lines with a known cost."""

    product_key: str
    pieces: int = 0
    before_minor: int = 0
    after_minor: int = 0
    margin_before_minor: int | None = None
    margin_after_minor: int | None = None


class Day(msgspec.Struct):
    """One day of the shop: money at regular prices and under the plan."""

    day: str
    orders: int = 0
    before_minor: int = 0
    after_minor: int = 0


class Report(msgspec.Struct):
    """What a plan would have done to past orders; money in minor units.

    ``sold_minor`` is what the orders came to in fact, ``before_minor`` at today's regular prices,
    ``after_minor`` under the plan. Margins count lines with a known cost.
    """

    orders: int = 0
    lines: int = 0
    touched: int = 0
    skipped: int = 0
    unproven: int = 0
    sold_minor: int = 0
    before_minor: int = 0
    after_minor: int = 0
    price_cut_minor: int = 0
    rules_minor: int = 0
    margin_before_minor: int = 0
    margin_after_minor: int = 0
    uncosted_lines: int = 0
    below_cost_lines: int = 0
    cut_at_floor_minor: int = 0
    under_floor: list[str] = []
    rules: list[RuleTotal] = []
    losers: list[ProductTotal] = []
    days: list[Day] = []


@dataclass(frozen=True, slots=True)
class PastOrder:
    """An order as it was: pieces by product, what they came to, and their regular prices then."""

    placed_at: datetime
    lines: tuple[CartLine, ...]
    sold_minor: int
    units: Mapping[str, int]


@dataclass(slots=True)
class _Sums:
    shop: Shop
    plan: Plan
    names: Mapping[str, str]
    prices: Mapping[str, int]
    report: Report = field(default_factory=Report)
    rules: dict[str, RuleTotal] = field(default_factory=dict)
    products: dict[str, ProductTotal] = field(default_factory=dict)
    days: dict[str, Day] = field(default_factory=dict)


def what_if(
    reader: FactReader,
    *,
    shop: Shop,
    plan: Plan,
    names: Mapping[str, str],
    prices: Mapping[str, int],
    book: Mapping[str, PriceFacts],
    window: Window,
    progress: Progress = lambda done, total: None,
) -> Report:
    """Price the orders of a time under a plan and say what it would have done.

    ``prices`` are the plan's campaign prices, ``book`` the price book. A product that the book
    does not know is priced as it was sold. Raises BadPeriod.
    """
    if not timedelta(0) < window.ends_at - window.starts_at <= timedelta(days=DAYS_MAX):
        raise BadPeriod(days=DAYS_MAX)
    total = _count(reader, shop, window)
    sums = _Sums(shop, plan, names, prices)
    planned = {
        key: msgspec.structs.replace(facts, campaign_minor=prices.get(key))
        for key, facts in book.items()
    }
    regular = {
        key: msgspec.structs.replace(facts, campaign_minor=None) for key, facts in book.items()
    }
    for done, order in enumerate(past_orders(reader, shop=shop, window=window), 1):
        _add(sums, order, planned, regular)
        if done % _ORDERS_PER_REPORT == 0:
            progress(done, total)
    progress(total, total)
    return _finished(sums, book)


def past_orders(reader: FactReader, *, shop: Shop, window: Window) -> Iterator[PastOrder]:
    """Yield the orders of a time, a few days at a time."""
    since = window.starts_at
    while since < window.ends_at:
        until = min(window.ends_at, since + timedelta(days=_DAYS_AT_ONCE))
        rows = reader.rows(
            _LINES,
            {"shop": shop.slug, "since": since.isoformat(), "until": until.isoformat()},
            before=until,
        )
        yield from _orders(rows)
        since = until


def _orders(rows: Iterable[tuple[Any, ...]]) -> Iterator[PastOrder]:
    lines: list[CartLine] = []
    units: dict[str, int] = {}
    sold, current, placed_at = 0, None, None
    for key, at, product_key, quantity, amount, listed in rows:
        if key != current and placed_at is not None:
            yield PastOrder(placed_at, tuple(lines), sold, units)
            lines, units, sold = [], {}, 0
        current, placed_at = key, at
        lines.append(CartLine(product_key, quantity))
        units[product_key] = max(0, listed) // quantity
        sold += amount
    if placed_at is not None:
        yield PastOrder(placed_at, tuple(lines), sold, units)


def _add(
    sums: _Sums,
    order: PastOrder,
    planned: Mapping[str, PriceFacts],
    regular: Mapping[str, PriceFacts],
) -> None:
    report = sums.report
    after_book, before_book = {}, {}
    for line in order.lines:
        key = line.product_key
        as_sold = PriceFacts(order.units[key])
        after_book[key] = planned.get(key, as_sold)
        before_book[key] = regular.get(key, as_sold)
    for key in sums.plan.gift_keys:
        if key in planned:
            after_book[key] = planned[key]
    cart = Cart(order.lines, sums.shop.currency)
    try:
        decision = price(cart, plan=sums.plan, book=after_book, now=order.placed_at, buyer=ANYBODY)
    except Invalid:
        # A line of more pieces, or an order of more lines, than a cart may have.
        report.skipped += 1
        return
    before = sum(before_book[line.product_key].unit_minor * line.quantity for line in order.lines)
    report.orders += 1
    report.lines += len(decision.lines)
    report.sold_minor += order.sold_minor
    report.before_minor += before
    report.after_minor += decision.total_minor
    report.rules_minor += decision.discount_minor
    report.price_cut_minor += before - decision.gross_minor
    report.touched += decision.total_minor < before or bool(decision.gifts)
    report.unproven += not decision.is_proven
    _add_rules(sums, decision)
    _add_lines(sums, decision, before_book, after_book)
    day = order.placed_at.astimezone(sums.shop.tz).date().isoformat()
    found = sums.days.setdefault(day, Day(day))
    found.orders += 1
    found.before_minor += before
    found.after_minor += decision.total_minor


def _add_rules(sums: _Sums, decision: Decision) -> None:
    given: dict[str, int] = defaultdict(int)
    for rule in decision.rules:
        given[rule.rule_id] += rule.amount_minor
        sums.report.cut_at_floor_minor += rule.wanted_minor - rule.amount_minor
    for gift in decision.gifts:
        given[gift.rule_id] += 0
        sums.report.margin_after_minor -= gift.quantity * (gift.cost_minor or 0)
    for rule_id, amount in given.items():
        total = sums.rules.setdefault(rule_id, RuleTotal(sums.names.get(rule_id, rule_id)))
        total.orders += 1
        total.amount_minor += amount


def _add_lines(
    sums: _Sums,
    decision: Decision,
    before_book: Mapping[str, PriceFacts],
    after_book: Mapping[str, PriceFacts],
) -> None:
    report = sums.report
    for line in decision.lines:
        key, quantity = line.product_key, line.quantity
        before = before_book[key].unit_minor * quantity
        total = sums.products.get(key)
        if total is None:
            total = sums.products[key] = ProductTotal(key)
        total.pieces += quantity
        total.before_minor += before
        total.after_minor += line.payable_minor
        cost = after_book[key].cost_minor
        if cost is None:
            report.uncosted_lines += 1
            continue
        money = cost * quantity
        report.margin_before_minor += before - money
        report.margin_after_minor += line.payable_minor - money
        report.below_cost_lines += line.payable_minor < money
        total.margin_before_minor = (total.margin_before_minor or 0) + before - money
        total.margin_after_minor = (total.margin_after_minor or 0) + line.payable_minor - money


def _finished(sums: _Sums, book: Mapping[str, PriceFacts]) -> Report:
    report = sums.report
    report.rules = sorted(sums.rules.values(), key=lambda each: (-each.amount_minor, each.name))
    report.days = [sums.days[day] for day in sorted(sums.days)]
    report.under_floor = sorted(
        key for key, amount in sums.prices.items() if key in book and amount < book[key].floor_minor
    )
    losing = [each for each in sums.products.values() if each.after_minor < each.before_minor]
    losing.sort(key=lambda each: (each.after_minor - each.before_minor, each.product_key))
    report.losers = losing[:LOSERS_SHOWN]
    return report


def _count(reader: FactReader, shop: Shop, window: Window) -> int:
    since, until = _ends(window)
    rows = reader.rows(
        _COUNT,
        {"shop": shop.slug, "since": since.isoformat(), "until": until.isoformat()},
        before=until,
    )
    return int(rows[0][0])


def _ends(window: Window) -> tuple[datetime, datetime]:
    return window.starts_at, window.ends_at

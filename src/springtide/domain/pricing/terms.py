"""What a rule's terms may be: conditions that can hold, limits that can be kept, no two ladders."""

from springtide.domain.pricing import checks
from springtide.domain.pricing.book import Terms
from springtide.domain.pricing.rule import ActiveRule, Conditions, Limits, ProductSet
from springtide.kit.errors import N_, Refusal
from springtide.kit.money import AMOUNT_MINOR_MAX
from springtide.kit.text import text_problem

MINUTES_OF_DAY = 24 * 60
#: Names in one condition, and characters in each.
NAMES_MAX = 5_000
NAME_LENGTH_MAX = 120
USES_MAX = 1_000_000_000


class BadHours(Refusal):
    """A daily window that is none."""

    code = "rule_hours"
    text = N_("A daily window runs from one time to another, from 00:00 to 24:00.")


class TooManyNames(Refusal):
    """A condition with more names than it may have."""

    code = "rule_names"
    text = N_("At most {limit} names; these are {count}.")


class BadLimit(Refusal):
    """A limit of zero or less."""

    code = "rule_limit"
    text = N_("A limit is at least 1.")


class BadCode(Refusal):
    """A code that nobody can type."""

    code = "rule_code"
    text = N_("A code is one word of up to {limit} letters and digits.")


class LaddersOverlap(Refusal):
    """Two ladders for one product, with nothing said of how they stand to each other."""

    code = "ladders_overlap"
    text = N_(
        "Rule {other} is a ladder for the same products. Let the two exclude each other, or"
        " combine in an order."
    )


CODE_LENGTH_MAX = 40


def terms_problems(terms: Terms) -> dict[str, Refusal]:
    """Return what is wrong with a rule's terms, by field; empty when they may be saved."""
    return {
        **_condition_problems(terms.conditions),
        **_limit_problems(terms.limits),
        **checks.found(name=text_problem(terms.name, length_max=80) if terms.name else None),
    }


def ladders_overlap(new: ActiveRule, other: ActiveRule) -> bool:
    """Tell whether two ladders may meet on a product with nothing said of how they stack."""
    if {new.kind, other.kind} != {"threshold_ladder"}:
        return False
    said = (*new.stacking.excludes, *new.stacking.combines)
    said_back = (*other.stacking.excludes, *other.stacking.combines)
    if other.id in said or new.id in said_back or "lane:shop" in (*said, *said_back):
        return False
    ours, theirs = new.conditions, other.conditions
    for one, two in (
        (ours.tiers, theirs.tiers),
        (ours.segments, theirs.segments),
        (ours.channels, theirs.channels),
        (ours.regions, theirs.regions),
    ):
        if one and two and not set(one) & set(two):
            return False
    return _may_share(ours.products, theirs.products)


def _may_share(one: ProductSet, other: ProductSet) -> bool:
    """Tell whether two product sets may share a product, as far as their names tell."""
    if one.is_whole or other.is_whole:
        return True
    only_keys = all(
        each.keys and not (each.categories or each.brands or each.tags) for each in (one, other)
    )
    if only_keys:
        ours = set(one.keys) - set(one.except_keys)
        return bool(ours & (set(other.keys) - set(other.except_keys)))
    only_categories = all(
        each.categories and not (each.keys or each.brands or each.tags) for each in (one, other)
    )
    return not only_categories or bool(set(one.categories) & set(other.categories))


def _condition_problems(wanted: Conditions) -> dict[str, Refusal]:
    problems: dict[str, Refusal] = {}
    products = wanted.products
    named = {
        "products.keys": products.keys,
        "products.categories": products.categories,
        "products.brands": products.brands,
        "products.tags": products.tags,
        "products.except_keys": products.except_keys,
        "tiers": wanted.tiers,
        "segments": wanted.segments,
        "channels": wanted.channels,
        "regions": wanted.regions,
        "except_regions": wanted.except_regions,
    }
    for field, names in named.items():
        if len(names) > NAMES_MAX:
            problems[f"conditions.{field}"] = TooManyNames(limit=NAMES_MAX, count=len(names))
        for name in names:
            wrong = text_problem(name, length_max=NAME_LENGTH_MAX, is_needed=True)
            if wrong:
                problems[f"conditions.{field}"] = wrong
    for each in wanted.hours:
        in_day = 0 <= each.from_minute < MINUTES_OF_DAY and 0 < each.to_minute <= MINUTES_OF_DAY
        if not in_day or each.from_minute == each.to_minute:
            problems["conditions.hours"] = BadHours()
    code = wanted.code
    if code and (text_problem(code, length_max=CODE_LENGTH_MAX) or len(code.split()) != 1):
        problems["conditions.code"] = BadCode(limit=CODE_LENGTH_MAX)
    if not 0 <= wanted.min_money_minor <= AMOUNT_MINOR_MAX:
        problems["conditions.min_money_minor"] = checks.AmountOutOfRange(limit=AMOUNT_MINOR_MAX)
    if not 0 <= wanted.min_pieces <= checks.PIECES_MAX:
        limit = checks.PIECES_MAX
        problems["conditions.min_pieces"] = checks.PiecesOutOfRange(least=0, limit=limit)
    return problems


def _limit_problems(limits: Limits) -> dict[str, Refusal]:
    problems: dict[str, Refusal] = {}
    for field, value, most in (
        ("per_customer", limits.per_customer, USES_MAX),
        ("total", limits.total, USES_MAX),
        ("money_minor", limits.money_minor, AMOUNT_MINOR_MAX),
    ):
        if value is not None and not 1 <= value <= most:
            problems[f"limits.{field}"] = BadLimit()
    return problems

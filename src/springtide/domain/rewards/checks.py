"""What games may be: numbers in range, money enough for everybody, odds that add up."""

from springtide.analytics.rfm import SEGMENT_NAMES
from springtide.domain.ledger.model import AMOUNT_MAX
from springtide.domain.rewards.model import NAME_LENGTH_MAX, QUANTITY_MAX, Terms
from springtide.kit.errors import N_, Refusal
from springtide.kit.money import AMOUNT_MINOR_MAX
from springtide.kit.text import TextMissing, text_problem

DAYS_MAX = 3_650
PRODUCTS_MAX = 500


class OutOfRange(Refusal):
    """A number outside its bounds."""

    code = "reward_range"
    text = N_("A number from {least} to {most}, please.")


class BudgetTooSmall(Refusal):
    """Money that cannot give everybody the least share."""

    code = "reward_budget"
    text = N_("{count} shares of at least {least} need {needed} minor units; there are {total}.")


class BadWindow(Refusal):
    """A reward that closes before it opens."""

    code = "reward_window"
    text = N_("It has to close after it opens.")


class BadPublicCode(Refusal):
    """A public code that nobody can type, or beside codes of one use."""

    code = "reward_public_code"
    text = N_("A public code has 1 to 40 characters, and stands in place of codes of one use.")


class NoSuchTier(Refusal):
    """A tier that no customer can have."""

    code = "reward_tier_unknown"
    text = N_("There is no customer tier “{tier}”.")


def tier_problem(tier: str) -> Refusal | None:
    """Return why there is no such tier, or None."""
    return None if tier in SEGMENT_NAMES else NoSuchTier(tier=tier[:60])


def refuse_rule(rule: str) -> dict[str, Refusal]:
    """Refuse a missing price rule; whether there is one of this key, the flow that saves looks."""
    if not rule.startswith("rul_"):
        return {"rule": TextMissing()}
    return {}


def gift(what: str, amount: int, rule: str | None, draw: str | None) -> dict[str, Refusal]:
    """Refuse a gift of nothing, a packet without its rule, tickets without their draw."""
    wrong = found(amount=in_range(amount, 1, AMOUNT_MINOR_MAX))
    if what == "tickets" and not (draw or "").startswith("rwd_"):
        wrong["draw"] = TextMissing()
    return wrong | (refuse_rule(rule or "") if what == "packet" else {})


def each_of(terms: Terms, amount: int) -> Refusal | None:
    """Return why so much for every claim is more than the ledger counts, or None."""
    most = AMOUNT_MAX // max(amount, 1)
    return in_range(terms.quantity, 1, min(most, QUANTITY_MAX))


def in_range(value: int, least: int, most: int) -> Refusal | None:
    """Return why a number cannot be, or None."""
    return None if least <= value <= most else OutOfRange(least=least, most=most)


def found(**problems: Refusal | None) -> dict[str, Refusal]:
    """Return the problems that there are."""
    return {field: problem for field, problem in problems.items() if problem is not None}


def budget(total: int, count: int, least: int) -> dict[str, Refusal]:
    """Refuse money that is too little for so many shares."""
    wrong = found(
        total_minor=in_range(total, 1, AMOUNT_MINOR_MAX),
        least_minor=in_range(least, 1, AMOUNT_MINOR_MAX),
    )
    if not wrong and total < count * least:
        needed = count * least
        wrong["total_minor"] = BudgetTooSmall(count=count, least=least, needed=needed, total=total)
    return wrong


def terms_problems(terms: Terms) -> dict[str, Refusal]:
    """Return what is wrong with a reward's terms, by field."""
    problems = found(quantity=in_range(terms.quantity, 1, QUANTITY_MAX))
    for field in ("per_customer", "per_device", "per_address", "per_minute"):
        value = getattr(terms, field)
        wrong = None if value is None else in_range(value, 1, QUANTITY_MAX)
        problems |= found(**{field: wrong})
    days = terms.use_days
    problems |= found(
        cost_points=in_range(terms.cost_points, 0, QUANTITY_MAX),
        use_days=None if days is None else in_range(days, 1, DAYS_MAX),
    )
    if terms.public_code and (
        terms.needs_code or text_problem(terms.public_code, length_max=40, is_needed=True)
    ):
        problems["public_code"] = BadPublicCode()
    if any(not 0 <= day <= 6 for day in terms.weekdays):
        problems["weekdays"] = OutOfRange(least=0, most=6)
    unknown = [problem for tier in terms.tiers if (problem := tier_problem(tier))]
    if unknown:
        problems["tiers"] = unknown[0]
    return problems


def name_problem(name: str) -> Refusal | None:
    """Return why a name cannot be kept."""
    return text_problem(name, length_max=NAME_LENGTH_MAX, is_needed=True)

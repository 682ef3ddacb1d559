"""The terms of a promotion rule as a form: name, products, conditions, stacking, limits."""

import re
from collections.abc import Mapping
from typing import Any

from springtide.domain.pricing.book import Terms
from springtide.domain.pricing.rule import Conditions, Hours, Limits, ProductSet, Stacking
from springtide.kit.errors import N_, Invalid, Refusal
from springtide.kit.money import parse_minor
from springtide.kit.reading import as_typed
from springtide.web.campaigns.forms import money_text
from springtide.web.frame.forms import read_count

#: Lists of names: (field, title); product sets first.
PRODUCT_LISTS = (
    ("keys", N_("Product keys")),
    ("categories", N_("Categories")),
    ("brands", N_("Brands")),
    ("tags", N_("Tags")),
    ("except_keys", N_("Except product keys")),
)
BUYER_LISTS = (
    ("tiers", N_("Customer tiers")),
    ("segments", N_("Segments")),
    ("channels", N_("Channels")),
    ("regions", N_("Regions")),
    ("except_regions", N_("Except regions")),
)

_WALL = re.compile(r"([0-9]{1,2}):([0-9]{2})")


class BadHoursText(Refusal):
    """A text that is no list of daily windows."""

    code = "bad_hours"
    text = N_("“{value}” is not a list of daily windows, such as 10:00-12:00, 20:00-22:00.")


def read_terms(typed: Mapping[str, Any], currency: str) -> Terms:
    """Return the terms that were typed; refuses (``Invalid``, by field) what cannot be read."""
    problems: dict[str, Refusal] = {}

    def names(field: str) -> tuple[str, ...]:
        return _names(str(typed.get(field, "")))

    def number(field: str, *, money: bool = False) -> int | None:
        text = str(typed.get(field, "")).strip()
        if not text:
            return None
        try:
            return parse_minor(text, currency) if money else read_count(text)
        except Refusal as refusal:
            problems[field] = refusal
            return None

    conditions = Conditions(
        products=ProductSet(**{f: names(f"conditions.products.{f}") for f, _ in PRODUCT_LISTS}),
        **{field: names(f"conditions.{field}") for field, _ in BUYER_LISTS},
        hours=_hours(str(typed.get("conditions.hours", "")), problems),
        is_first_order="conditions.is_first_order" in typed,
        code=str(typed.get("conditions.code", "")).strip(),
        is_issued="conditions.is_issued" in typed,
        min_money_minor=number("conditions.min_money_minor", money=True) or 0,
        min_pieces=number("conditions.min_pieces") or 0,
    )
    limits = Limits(
        per_customer=number("limits.per_customer"),
        total=number("limits.total"),
        money_minor=number("limits.money_minor", money=True),
    )
    if problems:
        raise Invalid(problems)
    stacking = Stacking(
        **{name: _ticked(typed, f"stacking.{name}.") for name in ("excludes", "combines", "after")}
    )
    return Terms(str(typed.get("name", "")).strip(), conditions, stacking, limits)


def values_of_terms(terms: Terms, currency: str) -> dict[str, str]:
    """Return terms as the values of their form."""
    wanted, limits = terms.conditions, terms.limits
    values = {"name": terms.name, "conditions.code": wanted.code}
    for field, _ in PRODUCT_LISTS:
        values[f"conditions.products.{field}"] = ", ".join(getattr(wanted.products, field))
    for field, _ in BUYER_LISTS:
        values[f"conditions.{field}"] = ", ".join(getattr(wanted, field))
    values["conditions.hours"] = ", ".join(
        f"{_wall(each.from_minute)}-{_wall(each.to_minute)}" for each in wanted.hours
    )
    if wanted.is_first_order:
        values["conditions.is_first_order"] = "on"
    if wanted.is_issued:
        values["conditions.is_issued"] = "on"
    if wanted.min_money_minor:
        values["conditions.min_money_minor"] = money_text(wanted.min_money_minor, currency)
    if wanted.min_pieces:
        values["conditions.min_pieces"] = str(wanted.min_pieces)
    for field in ("per_customer", "total"):
        amount = getattr(limits, field)
        values[f"limits.{field}"] = "" if amount is None else str(amount)
    if limits.money_minor is not None:
        values["limits.money_minor"] = money_text(limits.money_minor, currency)
    for name in ("excludes", "combines", "after"):
        values |= {f"stacking.{name}.{each}": "on" for each in getattr(terms.stacking, name)}
    return values


def _names(text: str) -> tuple[str, ...]:
    """Return the names of a list, each once; commas and lines part them, blanks do not."""
    for mark in ("，", "、", ";", "；", "\n"):
        text = text.replace(mark, ",")
    return tuple(dict.fromkeys(each.strip() for each in text.split(",") if each.strip()))


def _ticked(typed: Mapping[str, Any], prefix: str) -> tuple[str, ...]:
    return tuple(sorted(name.removeprefix(prefix) for name in typed if name.startswith(prefix)))


def _hours(text: str, problems: dict[str, Refusal]) -> tuple[Hours, ...]:
    found = []
    for part in _names(text):
        sides = part.replace("–", "-").replace("~", "-").split("-")
        minutes = [_minute(side) for side in sides]
        if len(minutes) != 2 or minutes[0] is None or minutes[1] is None:
            problems["conditions.hours"] = BadHoursText(value=part[:40])
            return ()
        found.append(Hours(minutes[0], minutes[1]))
    return tuple(found)


def _minute(text: str) -> int | None:
    found = _WALL.fullmatch(as_typed(text))
    if found is None:
        return None
    hours, minutes = found.groups()
    minute = int(hours) * 60 + int(minutes)
    return minute if int(minutes) < 60 and minute <= 24 * 60 else None


def _wall(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"

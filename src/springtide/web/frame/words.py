"""Numbers, money, times and refusals as a person reads them, in either language.

Each function takes a ``View``: the language, and what is shown of which shop at which instant.
The templates' filters are these functions with the view of the page being rendered.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from uuid import UUID
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_datetime, format_timedelta
from babel.numbers import (
    format_compact_currency,
    format_compact_decimal,
    format_currency,
    format_decimal,
    format_percent,
)
from markupsafe import Markup

from springtide.domain.campaigns.model import written
from springtide.domain.pricing.sentences import Sentence
from springtide.kit import ids
from springtide.kit.errors import Refusal
from springtide.kit.i18n import LOCALES, translate
from springtide.kit.money import Money, to_decimal
from springtide.kit.time import RelativeTime
from springtide.web.frame.forms import Told

_LOCALES = {language: Locale.parse(name) for language, name in LOCALES.items()}
# Babel's own medium formats are long; these fit a table cell and read as the trade writes them.
_DAY = {"en": "EEE, MMM d, y", "zh": "y年M月d日 EEE"}
_DAY_SHORT = {"en": "MMM d", "zh": "M月d日"}
_INSTANT = {"en": "MMM d, HH:mm", "zh": "M月d日 HH:mm"}
_INSTANT_YEAR = {"en": "MMM d, y, HH:mm", "zh": "y年M月d日 HH:mm"}
# From here on a figure is shortened (1.2M, 123万).
_SHORT_FROM = {"en": 1_000_000, "zh": 100_000}
# The sign that stands where a figure is unknown: never 0.
UNKNOWN = "–"


@dataclass(frozen=True, slots=True)
class View:
    """In which language and for which shop something is written, and at which instant."""

    language: str
    currency: str
    zone: ZoneInfo
    now: datetime | None = None

    @property
    def locale(self) -> Locale:
        """The locale in which Babel formats."""
        return _LOCALES[self.language]


def money(view: View, minor: int | None, currency: str = "") -> str:
    """Write minor units of a currency (the shop's, unless another is named) in full."""
    if minor is None:
        return UNKNOWN
    unit = currency or view.currency
    return str(format_currency(to_decimal(minor, unit), unit, locale=view.locale))


def money_short(view: View, minor: int | None, currency: str = "") -> str:
    """Write minor units for a tile or an axis: a large amount as $1.25M or US$125.3万."""
    if minor is None:
        return UNKNOWN
    unit = currency or view.currency
    amount = to_decimal(minor, unit)
    if abs(amount) >= _SHORT_FROM[view.language]:
        return str(format_compact_currency(amount, unit, locale=view.locale, fraction_digits=2))
    if abs(amount) < 10_000:
        return money(view, minor, unit)
    return str(format_currency(amount, unit, "¤#,##0", locale=view.locale, currency_digits=False))


def number(view: View, value: float | Decimal | None, digits: int = 0) -> str:
    """Write a number with at most ``digits`` decimal places."""
    if value is None:
        return UNKNOWN
    pattern = "#,##0" + ("." + "#" * digits if digits else "")
    return str(format_decimal(value, format=pattern, locale=view.locale))


def number_short(view: View, value: float | None) -> str:
    """Write a number for a tile: a large one as 1.2M or 12.3万."""
    if value is None:
        return UNKNOWN
    if abs(value) >= _SHORT_FROM[view.language]:
        return str(format_compact_decimal(value, locale=view.locale, fraction_digits=1))
    return number(view, value)


def percent(view: View, value: float | Decimal | None, digits: int = 1) -> str:
    """Write a share: an int is basis points, a float or Decimal a ratio."""
    if value is None:
        return UNKNOWN
    ratio = Decimal(value) / 10_000 if isinstance(value, int) else value
    pattern = "#,##0" + ("." + "0" * digits if digits else "") + "%"
    return str(format_percent(ratio, format=pattern, locale=view.locale))


def change(view: View, value: float | None, digits: int = 1) -> str:
    """Write a ratio of change with its sign: +12.5%, −3.0%."""
    if value is None:
        return UNKNOWN
    if round(float(value), digits + 2) == 0:
        return percent(view, 0, digits)
    return ("+" if value > 0 else "−") + percent(view, abs(float(value)), digits)


def day(view: View, value: date | None) -> str:
    """Write a day with its weekday."""
    if value is None:
        return UNKNOWN
    return str(format_date(value, _DAY[view.language], locale=view.locale))


def day_short(view: View, value: date | None) -> str:
    """Write a day without its year."""
    if value is None:
        return UNKNOWN
    return str(format_date(value, _DAY_SHORT[view.language], locale=view.locale))


def weekday(view: View, value: date | None) -> str:
    """Write the name of a day's weekday."""
    return UNKNOWN if value is None else str(format_date(value, "EEEE", locale=view.locale))


def plan_time(_view: View, value: RelativeTime) -> str:
    """Write a time of a plan as its form takes it: D-7 10:00."""
    return written(value)


def sentence(view: View, value: Sentence) -> str:
    """Write what a price decision says, its money in the shop's currency."""
    text = translate(value.text, view.language)
    return value.fill(text, lambda minor: money(view, minor))


def instant_text(view: View, value: datetime | None) -> str:
    """Write an instant in the shop's zone, with the year where it is not this one."""
    if value is None:
        return UNKNOWN
    local = value.astimezone(view.zone)
    now = view.now.astimezone(view.zone) if view.now else None
    pattern = _INSTANT if now is not None and now.year == local.year else _INSTANT_YEAR
    return str(format_datetime(local, pattern[view.language], locale=view.locale))


def instant(view: View, value: datetime | None) -> Markup:
    """Write an instant as a ``time`` element: short text, the exact instant behind it."""
    if value is None:
        return Markup(UNKNOWN)  # noqa: S704 - a constant
    exact = value.astimezone(UTC).isoformat(timespec="seconds")
    return Markup('<time datetime="{}">{}</time>').format(exact, instant_text(view, value))


def clock(view: View, value: datetime | None) -> str:
    """Write only the time of day in the shop's zone."""
    return UNKNOWN if value is None else value.astimezone(view.zone).strftime("%H:%M")


def since(view: View, value: datetime | None) -> str:
    """Write how long ago, or how far ahead, an instant is: 3 days ago, in 2 hours."""
    if value is None or view.now is None:
        return UNKNOWN
    return str(
        format_timedelta(value - view.now, add_direction=True, locale=view.locale, threshold=1.2)
    )


def duration(view: View, value: timedelta | None) -> str:
    """Write a length of time in its largest fitting unit: 5 minutes."""
    if value is None:
        return UNKNOWN
    return str(format_timedelta(value, locale=view.locale, threshold=1.2))


def id_out(value: UUID, prefix: str) -> str:
    """Write an id as the outside sees it."""
    return ids.outward(prefix, value)


def refusal(view: View, error: Told) -> str:
    """Write a refusal or an action's trouble in the view's language, its facts filled in."""
    facts = {name: _fact(view, value) for name, value in error.facts.items()}
    return translate(error.text, view.language).format_map(_Facts(facts))


def _fact(view: View, value: object) -> object:
    if isinstance(value, Money):
        return money(view, value.amount_minor, value.currency)
    if isinstance(value, datetime):
        return instant_text(view, value)
    if isinstance(value, date):
        return day(view, value)
    if isinstance(value, Refusal):
        return refusal(view, value)
    if isinstance(value, list):
        return ("；" if view.language == "zh" else "; ").join(str(_fact(view, v)) for v in value)
    if isinstance(value, Enum):
        value = value.value
    return translate(value, view.language) if isinstance(value, str) else value


class _Facts(dict[str, object]):
    """Facts whose missing names show as they are: a refusal never fails while it is shown."""

    def __init__(self, facts: Mapping[str, object]) -> None:
        super().__init__(facts)

    def __missing__(self, name: str) -> str:
        return "{" + name + "}"

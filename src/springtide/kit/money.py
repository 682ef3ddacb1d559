"""Money as integer minor units with a currency; no float and no division touches it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from springtide.kit.errors import N_, Refusal
from springtide.kit.reading import as_typed

# ISO 4217 exponents that differ from 2.
_EXPONENTS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "KWD": 3, "BHD": 3, "JOD": 3, "TND": 3}

# What a signed 64-bit column holds with room for sums over a shop's life.
AMOUNT_MINOR_MAX = 10**15


# Commas part thousands, and nothing else: 12,50 is no 1250.
_AMOUNT = re.compile(r"-?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)(?:\.[0-9]+)?|-?\.[0-9]+")
_LENGTH_MAX = 40


class BadAmount(Refusal):
    """An amount that cannot be read as money."""

    code = "bad_amount"
    text = N_("“{value}” is not an amount of {currency}.")


def exponent(currency: str) -> int:
    """Return the number of decimal places of a currency (ISO 4217)."""
    return _EXPONENTS.get(currency, 2)


@dataclass(frozen=True, slots=True, order=True)
class Money:
    """An amount in minor units of one currency."""

    amount_minor: int
    currency: str

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount_minor + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.amount_minor - self._same(other), self.currency)

    def _same(self, other: "Money") -> int:
        if other.currency != self.currency:
            raise ValueError(f"{self.currency} and {other.currency} do not add")
        return other.amount_minor


def parse_minor(text: str, currency: str) -> int:
    """Return the minor units of a written amount such as ``1,299.00``; refuse what is not exact.

    >>> parse_minor("1,299.50", "CNY")
    129950
    """
    cleaned = as_typed(text).lstrip("¥$€£ ")
    if len(cleaned) > _LENGTH_MAX or not _AMOUNT.fullmatch(cleaned):
        raise BadAmount(value=text[:40], currency=currency)
    scaled = Decimal(cleaned.replace(",", "")).scaleb(exponent(currency))
    if scaled != scaled.to_integral_value() or abs(scaled) > AMOUNT_MINOR_MAX:
        raise BadAmount(value=text[:40], currency=currency)
    return int(scaled)


def to_decimal(amount_minor: int, currency: str) -> Decimal:
    """Return the amount in major units, exact, for printing.

    >>> to_decimal(129950, "CNY")
    Decimal('1299.50')
    """
    return Decimal(amount_minor).scaleb(-exponent(currency))


def share_bps(amount_minor: int, rate_bps: int) -> int:
    """Return ``rate_bps`` basis points of an amount, half rounded up (away from zero).

    >>> share_bps(105, 1000), share_bps(-105, 1000)
    (11, -11)
    """
    scaled = abs(amount_minor) * rate_bps * 2 + 10_000
    result = scaled // 20_000
    return result if amount_minor >= 0 else -result


def split(total: int, weights: Sequence[int]) -> list[int]:
    """Split a total by largest remainder; the parts always sum to the total.

    Ties go to the earlier part. All-zero weights count as equal. Weights must not be negative.

    >>> split(1000, [1, 1, 1])
    [334, 333, 333]
    """
    if not weights:
        if total:
            raise ValueError("a total needs at least one part")
        return []
    if min(weights) < 0:
        raise ValueError("weights must not be negative")
    if sum(weights) == 0:
        weights = [1] * len(weights)
    whole = sum(weights)
    sign = -1 if total < 0 else 1
    parts = [abs(total) * weight // whole for weight in weights]
    remainders = [abs(total) * weight % whole for weight in weights]
    left = abs(total) - sum(parts)
    by_remainder = sorted(range(len(weights)), key=lambda i: (-remainders[i], i))
    for index in by_remainder[:left]:
        parts[index] += 1
    return [sign * part for part in parts]

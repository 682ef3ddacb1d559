"""What a metric is, and the frozen values that the board and the review show."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from typing import ClassVar

from springtide.analytics.pacing import Projection

#: Who a fact belongs to: a known customer counts once whatever the device.
PERSON = "coalesce(customer_key, visitor_key)"

#: A fact that the simulator made, directly or through the API.
SIMULATED = "(source = 'simulated' or props like '%\"simulated\":true%')"


class Unit(StrEnum):
    """How a metric's whole number is read."""

    MONEY = "money"
    COUNT = "count"
    PEOPLE = "people"
    BPS = "bps"
    #: A plain number such as 2.35 items an order, held in ten-thousandths.
    RATIO = "ratio"


class Metric:
    """A number with one definition; a subclass in ``metrics/`` declares it.

    ``definition`` is what a person reads, ``trade_key`` the name in 生意参谋's dictionary (empty
    where none was found), ``behind`` the SQL condition (DuckDB's dialect) on the facts that the
    number rests on.
    """

    kind: ClassVar[str]
    label: ClassVar[str]
    unit: ClassVar[Unit]
    definition: ClassVar[str]
    trade_key: ClassVar[str]
    behind: ClassVar[str]


class Counted(Metric):
    """A metric that one scan answers: a sum, or a count of distinct keys, over ``behind``.

    Exactly one of ``total`` (summed) and ``distinct`` (counted once) is a SQL expression.
    """

    total: ClassVar[str] = ""
    distinct: ClassVar[str] = ""


class Ratio(Metric):
    """A metric made of two others: ``over`` divided by ``under``, times ``scale``."""

    over: ClassVar[type[Counted]]
    under: ClassVar[type[Counted]]
    scale: ClassVar[int] = 1


class Buyers(Metric):
    """Paying buyers split by an earlier payment in the 365 days before the period's first day."""

    has_bought_before: ClassVar[bool]


@dataclass(frozen=True, slots=True)
class Value:
    """One metric over one period; ``amount`` is None where nothing can be divided by.

    ``compared`` is the comparable days' average and ``change_bps`` the change against it; both
    None where there is no comparable day (missing is not nought).
    """

    amount: int | None
    is_simulated: bool = False
    compared: int | None = None
    change_bps: int | None = None


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of the shop's day: its own numbers by metric, cumulative money, the usual curve."""

    starts_at: datetime
    label: str
    values: Mapping[str, int]
    paid_so_far_minor: int | None
    usual_so_far_minor: int | None


@dataclass(frozen=True, slots=True)
class ProductLine:
    """One product of the top list."""

    product_key: str
    paid_minor: int
    units: int
    buyers: int


@dataclass(frozen=True, slots=True)
class GoalProgress:
    """One goal: target, so far, share reached, and where the day is heading."""

    kind: str
    target: int
    so_far: int
    reached_bps: int
    projection: Projection | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The board at one instant."""

    shop: str
    day: date
    as_of: datetime
    comparable_days: tuple[date, ...]
    values: Mapping[str, Value]
    hours: tuple[Hour, ...]
    top_by_money: tuple[ProductLine, ...]
    top_by_units: tuple[ProductLine, ...]
    goals: tuple[GoalProgress, ...]
    is_simulated: bool = False
    is_over: bool = False
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True)
class DayPlan:
    """What the board needs to know of a campaign: its day, when the build-up began, its goals.

    ``goals`` maps a metric's kind to its target; comparable days lie before ``began_on``.
    """

    day: date
    began_on: date
    goals: Mapping[str, int]

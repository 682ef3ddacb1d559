"""Tables of numbers that a platform worked out: a fact of kind ``measure`` for each cell.

The platform's own name of a number stays its name: it says which of its definitions holds.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from springtide.connectors.tabular import values
from springtide.domain.facts import fact_ids
from springtide.domain.imports.ports import (
    Check,
    Emit,
    Head,
    Reading,
    ReadOptions,
    Stage,
    StagedColumn,
)
from springtide.kit.errors import N_, Refusal
from springtide.kit.ids import joined
from springtide.kit.money import exponent
from springtide.kit.sql import quoted

#: What may stand beside the numbers, to say of what they are.
SUBJECT = ("product_key", "source_path", "campaign_key", "product_name", "code", "of", "about")
_MONEY = re.compile(r"金额|消耗|花费|成本|客单价|件单价|成交价|价值\Z|UV价值")
_RATE = re.compile(r"率\Z|占比\Z|率\(|占比\(")
_SECONDS = re.compile(r"时长")
_NUMBER = re.compile(r"roi|投入产出比|系数|评分|得分|指数|折扣", re.IGNORECASE)
# Averages, prices, people and running totals: their sum over rows is no number of anything.
_APART = re.compile(
    "平均|人均|均值|单价|价值|成本|成交价|每|累计|人数|访客|买家|UV|库存|排名|排行|"
    r"^price\Z|^(sale|comment)_count\Z"
)
# Changes against an earlier period are worked out, never taken over.
_CHANGES = re.compile(r"变化\Z|环比\Z|同比\Z|较前|较上")
_PERIOD = re.compile(
    r"(20\d\d)[-/.年](\d{1,2})[-/.月](\d{1,2})日?"
    r"(?:\s*(?:~|至|到|_|—|-)\s*(20\d\d)[-/.年](\d{1,2})[-/.月](\d{1,2})日?)?"
)
_MEASURES_MAX = 200
_SHORT_MAX = 60


class NoPeriod(Refusal):
    """Numbers without a day: neither a column, nor a title, nor the file's name tells it."""

    code = "no_period"
    text = N_(
        "{file}: the numbers have no day: neither a column nor the rows above the header nor the "
        "file's name says the period they are of. Give the file its period as a name, such as "
        "2025-06-18_2025-06-18."
    )


@dataclass(frozen=True)
class MeasureTable:
    """A table whose columns are numbers, but for those that say of what, and of which day.

    ``section`` parts tables of one source in which the same name means another number. ``words``
    names columns of ``SUBJECT`` (joined by ``/`` for several) and ``day``; ``texts`` are columns
    that are no numbers, as is any of which most cells are none. Without a ``day`` the period is
    the whole table's.
    """

    source: str
    section: str
    columns: Mapping[str, StagedColumn]
    words: Mapping[str, str | tuple[str, ...]]
    options: ReadOptions
    head: Head
    stage: Stage
    texts: frozenset[str] = frozenset()
    units: Mapping[str, str] = field(default_factory=dict)
    left_out: str | None = None

    def reading(self) -> Reading:
        """Return how the table is read."""
        found, checks = self._subject()
        emits = []
        shorts: set[str] = set()
        for number, (name, unit) in enumerate(self.measures().items()):
            value = f"m{number}"
            found |= self._measure(value, name, unit)
            bad = f"{value} is null and {_raw(value, unit)} is not null"
            checks.append(Check(name, N_("is not a number"), bad))
            # The first of two long names that begin alike keeps what files before called it.
            short = name[:_SHORT_MAX]
            if short in shorts:
                short = joined(name, length_max=_SHORT_MAX)
            shorts.add(short)
            emits.append(self._emit(value, name, unit, short))
        return Reading(
            source=self.source,
            values=found,
            checks=tuple(checks),
            emits=tuple(emits),
            products=_PRODUCTS if self._named("product_key") else None,
            labels={"external_id": " + ".join(self._subject_names()) or self.section},
            left_out=self.left_out,
        )

    def measures(self) -> dict[str, str]:
        """Return the columns that are numbers, with their units."""
        others = {*self.texts, *self._subject_names(), *self._named("day")}
        names = [
            name
            for name in self.columns
            if name not in others and not _CHANGES.search(name) and not name.startswith("column ")
        ]
        units = {name: self.units.get(name) or unit_of(name) for name in names[:_MEASURES_MAX]}
        return {name: unit for name, unit in units.items() if self._is_number(name, unit)}

    def _is_number(self, name: str, unit: str) -> bool:
        """Tell whether half of a column's cells at least are what its name says."""
        chain = self._measure("measured", name, unit)
        query = "staged"
        for value, expression in chain.items():
            query = f"(select *, {expression} as {value} from {query})"
        ((given, read),) = self.stage.connection.execute(
            f"select count({_raw('measured', unit)}), count(measured) from {query}"
        ).fetchall()
        return 2 * int(read) >= int(given)

    def _named(self, word: str) -> tuple[str, ...]:
        names = self.words.get(word, ())
        names = (names,) if isinstance(names, str) else names
        return tuple(name for name in names if name in self.columns)

    def _subject_names(self) -> list[str]:
        return [name for word in SUBJECT for name in self._named(word)]

    def _subject(self) -> tuple[dict[str, str], list[Check]]:
        found: dict[str, str] = {}
        checks: list[Check] = []
        for word in SUBJECT:
            texts = [values.text(*self.columns[name]) for name in self._named(word)]
            if len(texts) > 1:
                found[word] = f"nullif(concat_ws('/', {', '.join(texts)}), '')"
            else:
                found[word] = texts[0] if texts else "cast(null as varchar)"
        day = self._named("day")
        if day:
            found |= values.instants("day", self.columns[day[0]], zone=self.options.zone)
            bad = values.impossible("day")
            checks.append(Check(day[0], N_("is not a possible day"), bad))
            found["period"] = "1"
        else:
            first, days = self._period()
            found["wall_day"] = f"timestamp '{first.isoformat()}'"
            found["day"] = values.wall("wall_day", self.options.zone)
            found["period"] = str(days)
        return found, checks

    def _period(self) -> tuple[date, int]:
        """Return the first day and the number of days that titles or the file's name tell."""
        titles = " ".join(" ".join(row) for row in self.head.rows[:8] if len(set(row) - {""}) <= 2)
        for text in (titles, self.head.sheet or "", self.head.name):
            match = _PERIOD.search(text)
            if match is None:
                continue
            try:
                first = date(*map(int, match.groups()[:3]))
                last = date(*map(int, match.groups()[3:])) if match[4] else first
            except ValueError:
                continue
            if first <= last:
                return first, (last - first).days + 1
        raise NoPeriod(file=self.head.name)

    def _measure(self, value: str, name: str, unit: str) -> dict[str, str]:
        column = self.columns[name]
        if unit == "rate":
            return values.rate(value, column, bare="fraction")
        digits = {"money": exponent(self.options.currency), "number": 4}.get(unit, 0)
        return values.minor(value, column, exponent=digits)

    def _emit(self, value: str, name: str, unit: str, short: str) -> Emit:
        subject = "concat_ws('|', product_key, campaign_key, source_path, \"of\", about)"
        about = f"case when length({subject}) > 100 then md5({subject}) else {subject} end"
        adds = "true" if adds_up(name, unit) else "false"
        props = (
            f"json_object('unit', '{unit}', 'adds_up', {adds}, 'period', period, "
            "'of', coalesce(\"of\", 'own')"
        )
        columns = {
            "kind": "'measure'",
            "occurred_at": "day",
            "external_id": fact_ids.build_sql(
                "measure",
                quoted(self.section),
                "strftime(day, '%Y%m%d')",
                "period",
                about,
                quoted(short),
            ),
            "reference": quoted(short),
            "product_key": "product_key",
            "source_path": "source_path",
            "campaign_key": "campaign_key",
            "amount_minor" if unit == "money" else "quantity": value,
            "props": f"{props}, 'about', about, 'section', {quoted(self.section)})",
        }
        return Emit(columns, f"{value} is not null")


def _raw(value: str, unit: str) -> str:
    """Return the text that a measure is read from, as ``values`` calls it."""
    return f"raw_{value}" if unit == "rate" else f"raw_number_{value}"


_PRODUCTS = (
    "select product_key, max(product_name), null, null, null, "
    "case when max(code) is not null then json_object('code', max(code)) end "
    "from good where product_key is not null group by product_key"
)


def adds_up(name: str, unit: str) -> bool:
    """Whether values of a measure may be added over products or days.

    >>> adds_up("支付金额", "money"), adds_up("访客平均价值", "money")
    (True, False)
    >>> adds_up("支付件数", "count"), adds_up("支付买家数", "count")
    (True, False)
    """
    return unit in ("money", "count") and not _APART.search(name)


def unit_of(name: str) -> str:
    """Return the unit that a measure's name tells: money, rate, seconds, number or count.

    >>> unit_of("支付金额"), unit_of("支付转化率"), unit_of("访客数"), unit_of("roi")
    ('money', 'rate', 'count', 'number')
    """
    if _RATE.search(name):
        return "rate"
    if _NUMBER.search(name):
        return "number"
    if _SECONDS.search(name):
        return "seconds"
    return "money" if _MONEY.search(name) else "count"

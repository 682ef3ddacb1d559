"""Cells as values, in SQL: texts, numbers, money, rates and instants; what cannot be read is NULL.

Every function takes an expression and gives one. ``type_`` is the type of the column in DuckDB:
texts are read with care, typed columns (of Parquet files) are taken as they are.

Most cells are clean. What a cell means is said by the ``careful_`` expressions; before each stand
cheap tests for cells that mean the same without the care, and DuckDB works out a branch of CASE
for those rows alone that come to it.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache

from springtide.domain.facts.model import EARLIEST, LATEST
from springtide.domain.imports.ports import StagedColumn
from springtide.kit.sql import quoted
from springtide.kit.time import zone as zone_named

# What stands for "no value" in exports, beside an empty cell; the last are a spreadsheet's errors.
_NONE = (
    "-", "--", "null", "NULL", "None", "NaN", "nan", "N/A", r"\N", "无退款申请",
    "#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NUM!", "#NULL!",
)  # fmt: skip
#: In place of a column that a file does not have.
NOTHING = StagedColumn("cast(null as varchar)", "VARCHAR")
_IS_NONE = ", ".join(map(quoted, _NONE))
_NONE_PATTERN = "|".join(map(re.escape, _NONE))
# Blanks of all widths, line ends, and what cannot be seen: characters without width, the mark of
# UTF-8, and the marks of direction that come along when a text is copied.
_BLANKS = "".join(
    rf"\x{{{first:x}}}-\x{{{last:x}}}"
    for first, last in (
        (0x09, 0x0D), (0x1C, 0x20), (0x85, 0x85), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200F),
        (0x2028, 0x202F), (0x205F, 0x2064), (0x2066, 0x2069), (0x3000, 0x3000), (0xFEFF, 0xFEFF),
    )
)  # fmt: skip
_AROUND = f"^[{_BLANKS}]+|[{_BLANKS}]+$"
# What begins with a digit, made a text for Excel, or with tabs and a quote around it.
_FORMULA = r'="\d[\w.-]*"'
_CORE = r"\d([\w.:/ -]*\w)?"
_WRAPPED = rf"[\t'']*{_CORE}[\t ]*"
# Where texts begin and end that need no care: Latin letters, digits and most signs (no ' and no
# =), Chinese and Japanese, and full-width signs.
_BEGINS = (("-", "<~"), (">", "{"), ("、", "龥~"), ("！", "～~"), ("À", "ɏ~"))
_ENDS = (("!", "~"), ("、", "龥"), ("！", "～"), ("À", "ɏ"))
_WIDE, _NARROW = "０１２３４５６７８９．，－＋−％", "0123456789.,-+-%"
_FLOATS = ("DOUBLE", "FLOAT")
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UINTEGER", "UBIGINT")
_NESTED = ("STRUCT", "MAP", "UNION", "VARIANT")
_TIMESTAMPS = ("TIMESTAMP", "DATE", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S")
_DATES = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%Y年%m月%d日")
_TIMES = (" %H:%M:%S.%f", " %H:%M:%S", " %H:%M", "T%H:%M:%S.%f", "T%H:%M:%S", "T%H:%M", "")
#: Year, month, day; with or without a time of day.
FORMATS = tuple(day + time for day in _DATES for time in _TIMES)
_OFFSET = r"\d(Z|\s?[+-]\d{2}:?\d{2})$"
_NUMBER = r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?"
_GROUPED = r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?"
_MONEY_SIGNS = r"[¥￥$€£元\s\x{a0}\x{2009}\x{202f}\x{3000}]"
# Numbers that need no care, and fit into 64 bits with four decimals.
_PLAIN = r"-?\d{1,10}(\.\d{1,4})?"
_PLAIN_GROUPED = r"-?\d{1,3}(,\d{3}){1,2}(\.\d{1,4})?"
_PLAIN_SHORT, _PLAIN_WHOLE = r"-?\d{1,10}", r"-?\d{1,15}"
_PLAIN_INTEGRAL = r"-?\d{1,10}\.0{1,4}"
_PLAIN_RATE = r"[+-]?\d{1,10}(\.\d{1,4})?%"
_DECIMAL, _SMALL = "decimal(38,8)", "decimal(14,4)"
_PLAIN_TIME = r"[12]\d{3}-\d\d-\d\d ([01]\d|2[0-3]):[0-5]\d:[0-5]\d"
# Days as each of the formats has them, and times that are told by their colons.
_DAY_SHAPES = tuple(
    rf"[12]\d{{3}}{day}"
    for day in (
        r"-\d{1,2}-\d{1,2}", r"/\d{1,2}/\d{1,2}", r"\.\d{1,2}\.\d{1,2}", r"\d{4}",
        r"年\d{1,2}月\d{1,2}日",
    )
)  # fmt: skip
_TIME_SHAPE = r"( \d{1,2}:\d{1,2}(:\d{1,2})?)?"
# From here on a zone's offset may be one and the same.
_SETTLED_FROM = datetime(1992, 1, 2)  # noqa: DTZ001 - a wall time
_SETTLED_TO = LATEST.replace(tzinfo=None) + timedelta(days=2)


def text(expression: str, type_: str = "VARCHAR") -> str:
    """Return a trimmed text: ``="x"``, ``'`` around it and words for "none" taken away."""
    if is_nested(type_):
        return "cast(null as varchar)"
    if type_ == "BLOB":  # a text of which the writer did not say that it is one
        return careful_text(f"try(decode({expression}))")
    if type_ in _FLOATS:  # a key with gaps, such as 12.0
        whole = f"{expression} = trunc({expression}) and abs({expression}) < 1e15"
        return (
            f"case when {whole} then cast(cast({expression} as bigint) as varchar) "
            f"when abs({expression}) >= 1e15 then format('{{:.14e}}', {expression}) "
            f"else cast({expression} as varchar) end"
        )
    if type_ != "VARCHAR":
        return f"cast({expression} as varchar)"
    expression = _whole(expression)
    begins = " or ".join(
        f"{expression} between {quoted(first)} and {quoted(last)}" for first, last in _BEGINS
    )
    ends = " or ".join(
        f"{expression}[-1] between {quoted(first)} and {quoted(last)}" for first, last in _ENDS
    )
    return (
        f"case when ({begins}) and ({ends}) and {expression} not in ({_IS_NONE}) "
        f"then {expression} when {expression} in ({_IS_NONE}) then null "
        f"when regexp_full_match({expression}, '{_FORMULA}') then {expression}[3:-2] "
        f"when regexp_full_match({expression}, '{_WRAPPED}') "
        f"then regexp_extract({expression}, '{_CORE}') "
        f"else {careful_text(expression)} end"
    )


def _whole(expression: str) -> str:
    """Return an expression that stays one next to any operator."""
    return expression if expression.isidentifier() else f"({expression})"


def careful_text(expression: str) -> str:
    """Return the meaning of a cell as a text."""
    trimmed = f"regexp_replace({expression}, '{_AROUND}', '', 'g')"
    plain = rf"""regexp_replace({trimmed}, '(?s)^="(.*)"$', '\1')"""
    bare = rf"""regexp_replace({plain}, '(?s)^''+(.*?)''*$', '\1')"""
    trimmed = f"regexp_replace({bare}, '{_AROUND}', '', 'g')"
    return f"nullif(regexp_replace({trimmed}, '^({_NONE_PATTERN})$', ''), '')"


def is_nested(type_: str) -> bool:
    """Tell whether a column's cells are lists or records."""
    return type_.endswith("]") or type_.startswith(_NESTED)


def numbers(name: str, column: StagedColumn, *, decimal: str = ".") -> dict[str, str]:
    """Return the values that lead to a decimal number, the last of them called ``name``.

    Commas must stand between groups of three digits; signs of money and 元 do not matter.
    """
    typed = _typed_number(column)
    if typed:
        return {name: typed}
    raw = f"raw_{name}"
    return _raw(name, column) | {name: f"case {_plain_number(raw, decimal)} end"}


def _typed_number(column: StagedColumn) -> str | None:
    expression, type_ = column
    if type_ not in (*_INTEGERS, *_FLOATS) and not type_.startswith("DECIMAL"):
        return None
    finite = f"isfinite({expression})" if type_ in _FLOATS else "true"
    return f"case when {finite} then try_cast({expression} as {_DECIMAL}) end"


def _raw(name: str, column: StagedColumn) -> dict[str, str]:
    """Return the values that lead to the text ``raw_<name>``; a long expression stands once."""
    if column.type_ != "VARCHAR" or column.sql.isidentifier():
        return {f"raw_{name}": text(*column)}
    return {f"cell_{name}": column.sql, f"raw_{name}": text(f"cell_{name}")}


def _plain_number(raw: str, decimal: str, times: int | None = None) -> str:
    """Return the branches of a CASE that make a number of a text, the last of them careful.

    With ``times`` the number is multiplied by it and rounded to a whole one.
    """

    def made(number: str, type_: str) -> str:
        if times is None:
            return f"try_cast({number} as {type_})"
        factor = f"cast({times} as decimal({len(str(times))},0))"
        return f"cast(round(try_cast({number} as {type_}) * {factor}) as bigint)"

    careful = careful_number(raw, decimal)
    if times is not None:
        careful = f"try_cast(try(round({careful} * {times})) as bigint)"
    if decimal == ",":
        is_plain = f"regexp_full_match({raw}, '{_PLAIN_SHORT}')"
        return f"when {is_plain} then {made(raw, _SMALL)} else {careful}"
    grouped, bare = made(f"replace({raw}, ',', '')", _SMALL), made(f"trim({raw}, '¥￥元')", _SMALL)
    return (
        f"when regexp_full_match({raw}, '{_PLAIN}') then {made(raw, _SMALL)} "
        f"when regexp_full_match({raw}, '[¥￥]?{_PLAIN}元?') then {bare} "
        f"when regexp_full_match({raw}, '{_PLAIN_GROUPED}') then {grouped} else {careful}"
    )


def careful_number(raw: str, decimal: str = ".") -> str:
    """Return the number that a text means; digits may be full-width ones."""
    clean = (
        f"regexp_replace(translate({raw}, {quoted(_WIDE)}, {quoted(_NARROW)}), "
        f"'{_MONEY_SIGNS}', '', 'g')"
    )
    if decimal == ",":
        clean = f"replace(replace({clean}, '.', ''), ',', '.')"
    return (
        f"case when regexp_full_match({clean}, '{_NUMBER}') "
        f"then try_cast({clean} as {_DECIMAL}) "
        f"when regexp_full_match({clean}, '{_GROUPED}') "
        f"then try_cast(replace({clean}, ',', '') as {_DECIMAL}) end"
    )


def integers(name: str, column: StagedColumn) -> dict[str, str]:
    """Return the values that lead to a whole number, the last of them called ``name``."""
    if column.type_ in _INTEGERS:
        return {name: f"try_cast({column.sql} as bigint)"}
    number = f"number_{name}"
    typed = _typed_number(column)
    if typed:
        return {number: typed, name: careful_whole(number)}
    raw = f"raw_{number}"
    return _raw(number, column) | {
        name: f"case when regexp_full_match({raw}, '{_PLAIN_WHOLE}') "
        f"then try_cast({raw} as bigint) "
        f"when regexp_full_match({raw}, '{_PLAIN_INTEGRAL}') "
        f"then cast(try_cast({raw} as {_SMALL}) as bigint) "
        f"else {careful_whole(careful_number(raw))} end"
    }


def careful_whole(number: str) -> str:
    """Return a number as a whole one; NULL if it is none."""
    return f"case when {number} = trunc({number}) then try_cast({number} as bigint) end"


def minor(
    name: str, column: StagedColumn, *, exponent: int = 2, decimal: str = "."
) -> dict[str, str]:
    """Return the values that lead to money in minor units, rounded half away from zero.

    A double such as 2.9000000000000004 comes to 290: it is rounded once, to the unit.
    """
    expression, type_ = column
    if type_ in _FLOATS:
        scaled = f"round({expression} * {10**exponent})"
        return {name: f"case when isfinite({expression}) then try_cast({scaled} as bigint) end"}
    number = f"number_{name}"
    typed = _typed_number(column)
    if typed:
        scaled = f"try_cast(try(round({number} * {10**exponent})) as bigint)"
        return {number: typed, name: scaled}
    made = _plain_number(f"raw_{number}", decimal, 10**exponent)
    return _raw(number, column) | {name: f"case {made} end"}


def rate(name: str, column: StagedColumn, *, bare: str | None = None) -> dict[str, str]:
    """Return the values that lead to a rate in basis points, the last of them called ``name``.

    ``3.21%`` is 321. ``bare`` says what a number without the sign is: a ``fraction`` (0.0321), a
    ``percent`` (3.21), or None: then it is NULL, and ``raw_<name>`` holds the text.
    """
    scale = {"fraction": 10_000, "percent": 100, None: 0}[bare]
    typed = _typed_number(column)
    if typed:
        scaled = f"try_cast(try(round({typed} * {scale})) as bigint)"
        return {name: scaled if bare else "cast(null as bigint)"}
    raw = f"raw_{name}"
    number = f"try_cast(rtrim({raw}, '%') as {_SMALL})"
    return _raw(name, column) | {
        name: f"case when regexp_full_match({raw}, '{_PLAIN_RATE}') "
        f"then cast(round({number} * cast(100 as decimal(3,0))) as bigint) "
        f"else {careful_rate(raw, scale)} end"
    }


def careful_rate(raw: str, scale: int) -> str:
    """Return the rate that a text means; one without the sign is multiplied by ``scale``."""
    narrow = f"rtrim(translate({raw}, '％', '%'))"
    number = careful_number(f"rtrim({narrow}, '%')")
    bare = f"try_cast(try(round({careful_number(raw)} * {scale})) as bigint)" if scale else "null"
    return (
        f"case when ends_with({narrow}, '%') "
        f"then try_cast(try(round({number} * 100)) as bigint) else {bare} end"
    )


def instants(
    name: str, column: StagedColumn, *, zone: str, formats: Sequence[str] = ()
) -> dict[str, str]:
    """Return the values that lead to an instant, the last of them called ``name``.

    A time without an offset is wall time of ``zone``. Without formats: year-month-day in the
    usual ways, with or without a time; ISO 8601 with an offset; Unix seconds; the day numbers of
    spreadsheets.
    """
    expression, type_ = column
    if type_ == "TIMESTAMP WITH TIME ZONE":
        return {name: expression}
    local = f"wall_{name}"
    if type_ in _TIMESTAMPS:
        # Beyond these years the engine cannot reckon with zones.
        within = f"{expression} between timestamp '1900-01-01' and timestamp '2200-01-01'"
        plain = f"case when {within} then cast({expression} as timestamp) end"
        return {local: plain, name: wall(local, zone)}
    raw = f"raw_{name}"
    if formats:
        tried = ", ".join(map(quoted, formats))
        return _raw(name, column) | {
            local: f"try_strptime({raw}, [{tried}])",
            name: wall(local, zone),
        }
    return _raw(name, column) | {
        local: f"case when {raw} is null then null "
        f"when strlen({raw}) = 19 and regexp_full_match({raw}, '{_PLAIN_TIME}') "
        f"then try_cast({raw} as timestamp) {_shaped(raw)} "
        # No format ends in an offset.
        f"when regexp_matches({raw}, '{_OFFSET}') then null else {careful_wall(raw)} end",
        name: f"case when {local} is not null then {wall(local, zone)} "
        f"when {raw} is not null then {careful_instant(raw)} end",
    }


def _shaped(raw: str) -> str:
    """Return the branches of a CASE that leave a day and a time to the one format of its shape."""
    days = zip(_DAY_SHAPES, _DATES, strict=True)
    return " ".join(
        f"when regexp_full_match({raw}, '{shape}{_TIME_SHAPE}') then case "
        f"when not contains({raw}, ':') then try_strptime({raw}, '{day}') "
        f"when regexp_matches({raw}, ':.*:') then try_strptime({raw}, '{day} %H:%M:%S') "
        f"else try_strptime({raw}, '{day} %H:%M') end"
        for shape, day in days
    )


def careful_wall(raw: str) -> str:
    """Return the wall time that a text means, by one of the formats or as a day's number."""
    tried = ", ".join(map(quoted, FORMATS))
    seconds = f"cast(round(try_cast({raw} as double) * 86400) as bigint)"
    return (
        rf"case when regexp_full_match({raw}, '[2-7]\d{{4}}(\.\d+)?') "
        f"then timestamp '1899-12-30' + to_seconds({seconds}) "
        f"else try_strptime({raw}, [{tried}]) end"
    )


def careful_instant(raw: str) -> str:
    """Return the instant that a text means by itself: with an offset, or in Unix seconds."""
    colon = rf"regexp_replace({raw}, '\s?([+-]\d\d):?(\d\d)$', '\1:\2')"
    iso = rf"regexp_replace({colon}, '^(\S+) ', '\1T')"
    return (
        f"case when regexp_matches({raw}, '{_OFFSET}') then try_cast({iso} as timestamptz) "
        rf"when regexp_full_match({raw}, '[1-4]\d{{9}}') "
        f"then to_timestamp(try_cast({raw} as bigint)) end"
    )


def wall(expression: str, zone: str) -> str:
    """Return the instant of a wall time; of two (clocks go back) the first, as kit.time has it."""
    expression, offset = _whole(expression), _settled_offset(zone)
    careful = careful_wall_instant(expression, zone)
    if offset is None:
        return careful
    return (
        f"case when {expression} between timestamp '{_SETTLED_FROM}' and timestamp '{_SETTLED_TO}' "
        f"then make_timestamptz(epoch_us({expression}) - {offset // timedelta(microseconds=1)}) "
        f"else {careful} end"
    )


def careful_wall_instant(expression: str, zone: str) -> str:
    """Return the instant of a wall time, by the engine's table of zones."""
    if zone == "UTC":
        return f"timezone('UTC', {expression})"
    later = f"timezone({quoted(zone)}, {expression})"
    earlier = f"{later} - interval 1 hour"
    return (
        f"case when timezone({quoted(zone)}, {earlier}) = {expression} "
        f"then {earlier} else {later} end"
    )


@cache
def _settled_offset(zone: str) -> timedelta | None:
    """Return how far ahead of UTC a zone is, if that is the same on every day from 1992 on."""
    place = zone_named(zone)
    days = (_SETTLED_TO - _SETTLED_FROM).days + 4
    offsets = {
        (_SETTLED_FROM + timedelta(days=day - 2)).replace(tzinfo=place).utcoffset()
        for day in range(days)
    }
    return offsets.pop() if len(offsets) == 1 else None


def impossible(expression: str) -> str:
    """Return the condition that an instant is none, or out of the range of facts."""
    return (
        f"({expression} is null or {expression} < timestamptz '{EARLIEST.isoformat(sep=' ')}' "
        f"or {expression} >= timestamptz '{LATEST.isoformat(sep=' ')}')"
    )

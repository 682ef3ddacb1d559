"""Cells as values, in SQL: texts, numbers, money and instants; what cannot be read is NULL.

Every function takes an expression and gives one. ``type_`` is the type of the column in DuckDB:
texts are read with care, typed columns (of Parquet files) are taken as they are.
"""

from collections.abc import Sequence

from springtide.connectors.tabular.staging import quoted
from springtide.domain.facts.model import EARLIEST, LATEST

# What stands for "no value" in exports, beside an empty cell.
_NONE = "'-', '--', 'null', 'NULL', 'None', 'NaN', 'nan', 'N/A', '\\N', '无退款申请'"
_FLOATS = ("DOUBLE", "FLOAT")
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UINTEGER", "UBIGINT")
_TIMESTAMPS = ("TIMESTAMP", "DATE", "TIMESTAMP_NS", "TIMESTAMP_MS", "TIMESTAMP_S")
_DATES = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d", "%Y年%m月%d日")
_TIMES = (" %H:%M:%S.%f", " %H:%M:%S", " %H:%M", "T%H:%M:%S.%f", "T%H:%M:%S", "T%H:%M", "")
#: Year, month, day; with or without a time of day.
FORMATS = tuple(day + time for day in _DATES for time in _TIMES)
_OFFSET = r"\d(Z|\s?[+-]\d{2}:?\d{2})$"
_NUMBER = r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,2})?"
_GROUPED = r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?"


def text(expression: str, type_: str = "VARCHAR") -> str:
    """Return a trimmed text: ``="x"``, a leading ``'`` and words for "none" taken away."""
    if type_ != "VARCHAR":
        return f"cast({expression} as varchar)"
    plain = rf"""regexp_replace(trim({expression}, E' \t\r\n\ufeff\u00a0'), '^="(.*)"$', '\1')"""
    return (
        f"nullif(case when ltrim({plain}, '''') in ({_NONE}) then '' "
        f"else trim(ltrim({plain}, '''')) end, '')"
    )


def number(expression: str, type_: str = "VARCHAR", *, decimal: str = ".") -> str:
    """Return a decimal number; commas must stand between groups of three digits."""
    if type_ in _INTEGERS or type_ in _FLOATS or type_.startswith("DECIMAL"):
        finite = f"isfinite({expression})" if type_ in _FLOATS else "true"
        return f"case when {finite} then try_cast({expression} as decimal(38,8)) end"
    cleaned = rf"regexp_replace({text(expression, type_)}, '[¥￥$€£\s元]', '', 'g')"
    if decimal == ",":
        cleaned = f"replace(replace({cleaned}, '.', ''), ',', '.')"
    return (
        f"case when regexp_full_match({cleaned}, '{_NUMBER}') "
        f"then try_cast({cleaned} as decimal(38,8)) "
        f"when regexp_full_match({cleaned}, '{_GROUPED}') "
        f"then try_cast(replace({cleaned}, ',', '') as decimal(38,8)) end"
    )


def integer(expression: str, type_: str = "VARCHAR") -> str:
    """Return a whole number."""
    if type_ in _INTEGERS:
        return f"try_cast({expression} as bigint)"
    value = number(expression, type_)
    return f"case when {value} = trunc({value}) then try_cast({value} as bigint) end"


def minor(expression: str, type_: str = "VARCHAR", *, exponent: int = 2, decimal: str = ".") -> str:
    """Return money in minor units, rounded half away from zero.

    A double such as 2.9000000000000004 comes to 290: it is rounded once, to the unit.
    """
    if type_ in _FLOATS:
        scaled = f"round({expression} * {10**exponent})"
        return f"case when isfinite({expression}) then try_cast({scaled} as bigint) end"
    return (
        f"try_cast(round({number(expression, type_, decimal=decimal)} * {10**exponent}) as bigint)"
    )


def instant(
    expression: str,
    type_: str = "VARCHAR",
    *,
    zone: str,
    formats: Sequence[str] = (),
) -> str:
    """Return an instant; a time without an offset is wall time of ``zone``.

    Without formats: year-month-day in the usual ways, with or without a time; ISO 8601 with an
    offset; Unix seconds; the day numbers of spreadsheets.
    """
    if type_ == "TIMESTAMP WITH TIME ZONE":
        return expression
    if type_ in _TIMESTAMPS:
        return wall(f"cast({expression} as timestamp)", zone)
    cleaned = text(expression, type_)
    tried = ", ".join(quoted(item) for item in formats or FORMATS)
    local = wall(f"try_strptime({cleaned}, [{tried}])", zone)
    if formats:
        return local
    seconds = f"cast(round(try_cast({cleaned} as double) * 86400) as bigint)"
    serial = f"timestamp '1899-12-30' + to_seconds({seconds})"
    colon = rf"regexp_replace({cleaned}, '\s?([+-]\d\d):?(\d\d)$', '\1:\2')"
    iso = rf"regexp_replace({colon}, '^(\S+) ', '\1T')"
    return (
        f"case when regexp_matches({cleaned}, '{_OFFSET}') then try_cast({iso} as timestamptz) "
        rf"when regexp_full_match({cleaned}, '[1-4]\d{{9}}') "
        f"then to_timestamp(try_cast({cleaned} as bigint)) "
        rf"when regexp_full_match({cleaned}, '[2-7]\d{{4}}(\.\d+)?') "
        f"then {wall(f'({serial})', zone)} else {local} end"
    )


def wall(expression: str, zone: str) -> str:
    """Return the instant of a wall time; of two (clocks go back) the first, as kit.time has it."""
    later = f"timezone({quoted(zone)}, {expression})"
    earlier = f"{later} - interval 1 hour"
    return (
        f"case when timezone({quoted(zone)}, {earlier}) = {expression} "
        f"then {earlier} else {later} end"
    )


def impossible(expression: str) -> str:
    """Return the condition that an instant is none, or out of the range of facts."""
    return (
        f"({expression} is null or {expression} < timestamptz '{EARLIEST.isoformat(sep=' ')}' "
        f"or {expression} >= timestamptz '{LATEST.isoformat(sep=' ')}')"
    )

"""Cells as values, in SQL: texts, numbers, money and instants; what cannot be read is NULL.

Every function takes an expression and gives one. ``type_`` is the type of the column in DuckDB:
texts are read with care, typed columns (of Parquet files) are taken as they are.
"""

from collections.abc import Sequence

from springtide.connectors.tabular.sql import quoted
from springtide.domain.facts.model import EARLIEST, LATEST
from springtide.domain.facts.ports import Column

# What stands for "no value" in exports, beside an empty cell; the last are a spreadsheet's errors.
_WORDS = ("-", "--", "null", "NULL", "None", "NaN", "nan", "N/A", r"\N", "无退款申请")
_NONE = (
    r"--?|null|NULL|None|NaN|nan|N/A|\\N|无退款申请"
    r"|#N/A|#REF!|#VALUE!|#DIV/0!|#NAME\?|#NUM!|#NULL!"
)
# Tab, line ends, spaces that do not break or are as wide as a character, marks without a width.
_BLANK_CODES = (9, 10, 13, 160, 8203, 12288, 65279)
_BLANKS = " || ".join(["' '", *(f"chr({code})" for code in _BLANK_CODES)])
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
# What needs no second look: numbers that fit the fast types, and the usual time.
_PLAIN = r"-?\d{1,7}(\.\d{1,8})?"
_PLAIN_WHOLE = r"-?\d{1,15}"
_USUAL = "%Y-%m-%d %H:%M:%S"
_WIDE, _NARROW = "０１２３４５６７８９，．－＋％", "0123456789,.-+%"


def text(expression: str, type_: str = "VARCHAR") -> str:
    """Return a trimmed text: ``="x"``, a leading ``'`` and words for "none" taken away."""
    if is_nested(type_):
        return "cast(null as varchar)"
    if type_ == "BLOB":  # a text of which the writer did not say that it is one
        return text(f"try(decode({expression}))")
    if type_ in _FLOATS:  # a key with gaps, such as 12.0
        whole = f"{expression} = trunc({expression}) and abs({expression}) < 1e15"
        return (
            f"case when {whole} then cast(cast({expression} as bigint) as varchar) "
            f"when abs({expression}) >= 1e15 then format('{{:.14e}}', {expression}) "
            f"else cast({expression} as varchar) end"
        )
    if type_ != "VARCHAR":
        return f"cast({expression} as varchar)"
    return f"case when {_is_clean(expression)} then {expression} else {_careful(expression)} end"


def _careful(expression: str) -> str:
    """Return a text with all that may stand round it taken away."""
    plain = rf"""regexp_replace(trim({expression}, {_BLANKS}), '^="(.*)"$', '\1')"""
    inner = f"trim(ltrim({plain}, ''''), {_BLANKS})"
    return f"nullif(trim(regexp_replace({inner}, '^({_NONE})$', '')), '')"


def _is_clean(expression: str) -> str:
    """Return the condition that a cell is its own text: cheap, and true of most cells.

    It begins with a letter, a digit or a Chinese character, and ends with none of the blanks.
    """
    ends = " and ".join(
        f"not ends_with({expression}, {blank})"
        for blank in ("' '", *(f"chr({code})" for code in _BLANK_CODES))
    )
    words = ", ".join(map(quoted, _WORDS))
    return (
        f"({expression} between '0' and '}}' or {expression} between '一' and '龥') "
        f"and not starts_with({expression}, '=') and {ends} and {expression} not in ({words})"
    )


def is_nested(type_: str) -> bool:
    """Tell whether a column's cells are lists or records."""
    return type_.endswith("]") or type_.startswith(_NESTED)


def numbers(name: str, column: Column, *, decimal: str = ".") -> dict[str, str]:
    """Return the values that lead to a decimal number, the last of them called ``name``.

    Commas must stand between groups of three digits. One step a value, as each is written out at
    every place of its use.
    """
    expression, type_ = column
    if type_ in _INTEGERS or type_ in _FLOATS or type_.startswith("DECIMAL"):
        finite = f"isfinite({expression})" if type_ in _FLOATS else "true"
        return {name: f"case when {finite} then try_cast({expression} as decimal(38,8)) end"}
    raw = f"raw_{name}"
    number = _number(raw, decimal)
    if decimal == ".":
        fast = f"regexp_full_match({raw}, '{_PLAIN}') then cast({raw} as decimal(38,8))"
        number = f"case when {fast} else {number} end"
    return {raw: text(expression, type_), name: number}


def _number(raw: str, decimal: str) -> str:
    """Return a text as a decimal number, whatever stands round its digits."""
    clean = f"translate({raw}, '{_WIDE}', '{_NARROW}')"
    clean = rf"regexp_replace({clean}, '[¥￥$€£\s元]', '', 'g')"
    if decimal == ",":
        clean = f"replace(replace({clean}, '.', ''), ',', '.')"
    return (
        f"case when regexp_full_match({clean}, '{_NUMBER}') "
        f"then try_cast({clean} as decimal(38,8)) "
        f"when regexp_full_match({clean}, '{_GROUPED}') "
        f"then try_cast(replace({clean}, ',', '') as decimal(38,8)) end"
    )


def integers(name: str, column: Column) -> dict[str, str]:
    """Return the values that lead to a whole number, the last of them called ``name``."""
    expression, type_ = column
    if type_ in _INTEGERS:
        return {name: f"try_cast({expression} as bigint)"}
    number = f"number_{name}"
    if type_ != "VARCHAR":
        whole = f"case when {number} = trunc({number}) then try_cast({number} as bigint) end"
        return numbers(number, column) | {name: whole}
    raw = f"raw_{number}"
    slow = _number(raw, ".")
    return {
        raw: text(expression),
        name: f"case when regexp_full_match({raw}, '{_PLAIN_WHOLE}') then cast({raw} as bigint) "
        f"when {slow} = trunc({slow}) then try_cast({slow} as bigint) end",
    }


def minor(name: str, column: Column, *, exponent: int = 2, decimal: str = ".") -> dict[str, str]:
    """Return the values that lead to money in minor units, rounded half away from zero.

    A double such as 2.9000000000000004 comes to 290: it is rounded once, to the unit.
    """
    expression, type_ = column
    if type_ in _FLOATS:
        scaled = f"round({expression} * {10**exponent})"
        return {name: f"case when isfinite({expression}) then try_cast({scaled} as bigint) end"}
    number = f"number_{name}"
    if type_ != "VARCHAR":
        scaled = f"try_cast(try(round({number} * {10**exponent})) as bigint)"
        return numbers(number, column, decimal=decimal) | {name: scaled}
    raw = f"raw_{number}"
    scaled = f"try_cast(try(round({_number(raw, decimal)} * {10**exponent})) as bigint)"
    if decimal == ".":
        fast = f"cast(round(cast({raw} as decimal(18,8)) * {10**exponent}) as bigint)"
        scaled = f"case when regexp_full_match({raw}, '{_PLAIN}') then {fast} else {scaled} end"
    return {raw: text(expression), name: scaled}


def rate(name: str, column: Column) -> dict[str, str]:
    """Return the values that lead to a share in basis points, the last of them called ``name``.

    ``3.21%`` is 321; a number without the sign is a share of one: 0.0321 is 321 too.
    """
    raw = f"raw_{name}"
    clean = f"translate({raw}, '{_WIDE}', '{_NARROW}')"
    factor = f"case when ends_with({clean}, '%') then 100 else 10000 end"
    number = f"({_number(f'rtrim({clean}, {chr(39)}% {chr(39)})', '.')})"
    return {
        raw: text(*column),
        name: f"try_cast(try(round({number} * ({factor}))) as bigint)",
    }


def instants(
    name: str, column: Column, *, zone: str, formats: Sequence[str] = ()
) -> dict[str, str]:
    """Return the values that lead to an instant, the last of them called ``name``.

    A time without an offset is wall time of ``zone``. Without formats: year-month-day in the
    usual ways, with or without a time; ISO 8601 with an offset; Unix seconds; the day numbers of
    spreadsheets.
    """
    expression, type_ = column
    if type_ == "TIMESTAMP WITH TIME ZONE":
        return {name: expression}
    if type_ in _TIMESTAMPS:
        # Beyond these years the engine cannot reckon with zones.
        within = f"{expression} between timestamp '1900-01-01' and timestamp '2200-01-01'"
        local = f"case when {within} then cast({expression} as timestamp) end"
        return {f"wall_{name}": local, name: wall(f"wall_{name}", zone)}
    raw, usual = f"raw_{name}", f"usual_{name}"
    tried = ", ".join(quoted(item) for item in formats or FORMATS)
    local = f"try_strptime({raw}, [{tried}])"
    told = {raw: text(expression, type_)}
    if formats:
        at = wall(f"wall_{name}", zone)
    else:
        told[usual] = f"try_strptime({raw}, '{_USUAL}')"
        seconds = f"cast(round(try_cast({raw} as double) * 86400) as bigint)"
        local = (
            rf"case when regexp_full_match({raw}, '[2-7]\d{{4}}(\.\d+)?') "
            f"then timestamp '1899-12-30' + to_seconds({seconds}) else {local} end"
        )
        colon = rf"regexp_replace({raw}, '\s?([+-]\d\d):?(\d\d)$', '\1:\2')"
        iso = rf"regexp_replace({colon}, '^(\S+) ', '\1T')"
        local = f"coalesce({usual}, {local})"
        at = (
            f"case when {usual} is not null then {wall(usual, zone)} "
            f"when regexp_matches({raw}, '{_OFFSET}') then try_cast({iso} as timestamptz) "
            rf"when regexp_full_match({raw}, '[1-4]\d{{9}}') "
            f"then to_timestamp(try_cast({raw} as bigint)) else {wall(f'wall_{name}', zone)} end"
        )
    return told | {f"wall_{name}": local, name: at}


def wall(expression: str, zone: str) -> str:
    """Return the instant of a wall time; of two (clocks go back) the first, as kit.time has it."""
    if zone == "UTC":
        return f"timezone('UTC', {expression})"
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

"""The fields of a form, made from the parameters of what it is for: a rule, a reward, terms."""

import re
import typing
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Literal

import msgspec

from springtide.domain.facts.kinds import said
from springtide.kit.errors import N_, Invalid, Refusal
from springtide.kit.money import parse_minor, to_decimal
from springtide.kit.reading import as_typed
from springtide.web.frame.forms import read_count
from springtide.web.frame.tiers import SEGMENT_NAMES

#: Rows of steps that a form shows beyond those that are filled.
ROWS_MORE = 2
ROWS_LEAST = 3
ROWS_MAX = 20
CHOICE_TITLES = {
    "cheapest": N_("the cheapest"),
    "dearest": N_("the dearest"),
    "equal": N_("the same for all"),
    "double_mean": N_("by chance, up to twice the mean"),
    "even_odds": N_("by chance, the same odds for everybody"),
    "coupon": N_("Coupon"),
    "packet": N_("Red packet"),
    "points": N_("Points"),
    "gift": N_("Gift"),
    "free_order": N_("Free order"),
    "visit": N_("visits"),
    "order": N_("buys"),
    "keep_deposit": N_("keep the deposit"),
    "pay_back": N_("pay it back"),
    "pay_double": N_("pay back double"),
    **said("task"),
    "tickets": N_("Draw tickets"),
    "receipt": N_("when the order is received"),
    "payment": N_("as soon as it is paid"),
}
_TEXTS = ("product", "tier", "rule", "draw", "text")
_LISTS = ("products", "numbers")
#: What is ticked in a list, and the values of its boxes.
_TICKED: dict[str, tuple[Any, ...]] = {"weekdays": tuple(range(7)), "tiers": SEGMENT_NAMES}
_PERCENT = re.compile(r"-?[0-9]{1,5}(?:\.[0-9]{1,4})?|-?\.[0-9]{1,4}")
_PARTS = re.compile(r"[,，、\s]+")


class BadPercent(Refusal):
    """A text that is no percentage."""

    code = "bad_percent"
    text = N_("“{value}” is not a percentage, such as 10 or 12.5.")


class NeededField(Refusal):
    """A field that a rule cannot do without."""

    code = "rule_field_needed"
    text = N_("This is needed.")


def at_typed_rows(
    fields: Sequence["Field"], typed: Mapping[str, Any], problems: Mapping[str, Refusal]
) -> dict[str, Refusal]:
    """Return problems by the rows of the form: rows that were left empty are not among them."""
    moved: dict[str, Refusal] = {}
    for name, problem in problems.items():
        parts = name.split(".")
        field = next((each for each in fields if each.name == parts[0]), None)
        if field is not None and field.columns and len(parts) == 3 and parts[1].isdigit():
            filled = [row for row in range(ROWS_MAX) if _is_filled(field, row, typed)]
            if int(parts[1]) < len(filled):
                parts[1] = str(filled[int(parts[1])])
        moved[".".join(parts)] = problem
    return moved


def _is_filled(field: "Field", row: int, typed: Mapping[str, Any]) -> bool:
    names = [f"{field.name}.{row}.{column.name}" for column in field.columns]
    return any(str(typed.get(name, "")).strip() for name in names)


@dataclass(frozen=True, slots=True)
class Field:
    """One parameter: its title, what its number counts, and the columns of its rows."""

    name: str
    title: str
    unit: str
    is_needed: bool
    default: Any = None
    choices: tuple[str, ...] = ()
    columns: tuple["Field", ...] = ()

    @property
    def is_checkbox(self) -> bool:
        """Whether it is yes or no."""
        return self.unit == "yes" or (self.unit == "choice" and not self.choices)

    @property
    def is_number(self) -> bool:
        """Whether a number is typed."""
        return self.unit not in (*_TEXTS, *_LISTS, "choice", "yes", *_TICKED)


def fields_of(parameters: Any) -> tuple[Field, ...]:
    """Return the fields of a type of parameters, a frozen struct."""
    return _fields(parameters)


def read_fields(fields: Sequence[Field], typed: Mapping[str, Any], currency: str) -> dict[str, Any]:
    """Return the parameters that were typed; refuses (``Invalid``, by field) what is no number.

    Empty fields and rows are left out, so that their defaults hold.
    """
    problems: dict[str, Refusal] = {}
    params: dict[str, Any] = {}
    for field in fields:
        if field.columns:
            params[field.name] = _read_rows(field, typed, currency, problems)
        elif field.is_checkbox:
            params[field.name] = field.name in typed
        elif field.unit in _TICKED:
            boxes = enumerate(_TICKED[field.unit])
            params[field.name] = [value for n, value in boxes if f"{field.name}.{n}" in typed]
        else:
            value = _read(field, field.name, typed, currency, problems)
            if value is not None:
                params[field.name] = value
            elif field.is_needed:
                problems.setdefault(field.name, NeededField())
    if problems:
        raise Invalid(problems)
    return params


def values_of_fields(
    fields: Sequence[Field], params: Mapping[str, Any], currency: str
) -> dict[str, str]:
    """Return parameters as the values of their form."""
    values: dict[str, str] = {}
    for field in fields:
        value = params.get(field.name, field.default)
        if field.columns:
            for row, each in enumerate(value or ()):
                for column in field.columns:
                    name = f"{field.name}.{row}.{column.name}"
                    values[name] = _written(column, each.get(column.name), currency)
        elif field.is_checkbox:
            if value:
                values[field.name] = "on"
        elif field.unit in _TICKED:
            places = [_TICKED[field.unit].index(each) for each in value or ()]
            values |= {f"{field.name}.{place}": "on" for place in places}
        else:
            values[field.name] = _written(field, value, currency)
    return values


def rows_shown(field: Field, values: Mapping[str, Any]) -> int:
    """Return how many rows a form shows."""
    filled = [
        int(name.split(".")[1])
        for name, value in values.items()
        if name.startswith(f"{field.name}.") and str(value) and name.split(".")[1].isdigit()
    ]
    return min(ROWS_MAX, max(ROWS_LEAST, max(filled, default=-1) + 1 + ROWS_MORE))


def read_number(field: Field, text: str, currency: str) -> int:
    """Return a typed number as its parameter holds it: minor units, basis points, pieces."""
    if field.unit == "money":
        return parse_minor(text, currency)
    if field.unit == "ppm":
        return _read_ppm(text)
    if field.unit == "percent":
        try:
            # A percentage is written like an amount of two decimals: 12.5 is 1250 basis points.
            return parse_minor(text.rstrip("%％ "), "USD")
        except Refusal as refusal:
            raise BadPercent(value=text[:40]) from refusal
    return read_count(text)


def _read_ppm(text: str) -> int:
    """Return millionths of a typed percentage of up to four decimals."""
    plain = as_typed(text).rstrip("% ")
    if not _PERCENT.fullmatch(plain):
        raise BadPercent(value=text[:40])
    return int(Decimal(plain) * 10_000)


def _fields(rule: Any) -> tuple[Field, ...]:
    found = []
    hints = typing.get_type_hints(rule, include_extras=True)
    for each in msgspec.structs.fields(rule):
        base, *notes = typing.get_args(hints[each.name])
        title = next(note.title for note in notes if isinstance(note, msgspec.Meta) and note.title)
        unit = next(
            note.extra["unit"] for note in notes if isinstance(note, msgspec.Meta) and note.extra
        )
        columns: tuple[Field, ...] = ()
        choices: tuple[str, ...] = ()
        if unit in ("steps", "prizes"):
            columns = _fields(typing.get_args(base)[0])
        elif typing.get_origin(base) is Literal:
            choices = typing.get_args(base)
        default = None if each.required else each.default
        found.append(Field(each.name, title, unit, each.required, default, choices, columns))
    return tuple(found)


def _read_rows(
    field: Field, typed: Mapping[str, Any], currency: str, problems: dict[str, Refusal]
) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for row in range(ROWS_MAX):
        if not _is_filled(field, row, typed):
            continue
        names = [f"{field.name}.{row}.{column.name}" for column in field.columns]
        found = {}
        for name, column in zip(names, field.columns, strict=True):
            value = _read(column, name, typed, currency, problems)
            if value is not None:
                found[column.name] = value
            elif column.is_needed:
                problems.setdefault(name, NeededField())
        rows.append(found)
    return rows


def _read(
    field: Field,
    name: str,
    typed: Mapping[str, Any],
    currency: str,
    problems: dict[str, Refusal],
) -> Any:
    text = str(typed.get(name, "")).strip()
    if not text:
        return None
    if field.choices or field.unit in _TEXTS:
        return text
    try:
        if field.unit in _LISTS:
            parts = [part for part in _PARTS.split(text) if part]
            return parts if field.unit == "products" else [read_count(part) for part in parts]
        return read_number(field, text, currency)
    except Refusal as refusal:
        problems[name] = refusal
        return None


def _written(field: Field, value: Any, currency: str) -> str:
    if field.unit in _LISTS:
        return ", ".join(map(str, value or ()))
    if field.unit == "ppm" and value is not None:
        return f"{Decimal(value) / 10_000:f}"
    if value is None or (value == 0 and not field.is_needed):
        return ""
    if field.unit == "money":
        return str(to_decimal(value, currency).quantize(to_decimal(1, currency)))
    if field.unit == "percent":
        return f"{value / 100:g}"
    return str(value)

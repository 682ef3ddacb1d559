"""What comes from outside is read in one way: JSON bodies, numbers, truths, days and times.

Nothing is taken for what it nearly is: a text for a number, a number for a time, a half for a
whole. In JSON a value has its own type; where all is text (queries, forms, addresses) numbers are
ASCII digits, truths are ``true`` or ``false``, and times are RFC 3339 with their offset.
"""

import json
import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any, TypeVar

import msgspec

from springtide.kit.errors import N_, Invalid, Refusal

T = TypeVar("T")

#: Years that people mean; computing with those beyond may leave what a time can be.
YEAR_LEAST, YEAR_MOST = 1900, 2199
#: RFC 3339 with an offset, of those years, to the second or finer.
INSTANT_PATTERN = (
    r"^(19|20|21)[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
    r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?"
    r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])\Z"
)


class BadDay(Refusal):
    """A text that is no day."""

    code = "bad_day"
    text = N_("“{value}” is not a day, such as 2025-11-11.")


NO_BODY = N_("There is no body.")
INSTANT_TOLD = N_("Write a time with its offset: 2026-11-11T20:00:00+08:00.")
_INSTANT = re.compile(INSTANT_PATTERN)
_WHOLE = re.compile(r"0|-?[1-9]\d{0,17}", re.ASCII)
_GROUPED = re.compile(r"\d{1,3}(,\d{3})+", re.ASCII)
_COUNT = re.compile(r"\d{1,18}", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_WALL = re.compile(r"(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)", re.ASCII)
_PLACE = re.compile(r" - at `(?:key` in `)?\$([^`]*)`")
_ENCODINGS = ("", "identity")
_UTF8 = ("", "utf-8", "utf8")


class BodyUnreadable(Refusal):
    """Bytes that are not what the route reads, such as broken JSON."""

    code = "body_unreadable"
    status = 400
    text = N_("The request could not be read: {why}")


class BadField(Refusal):
    """A field or parameter of another type or range than the API describes."""

    code = "bad_field"
    text = N_("{why}")


class MediaUnknown(Refusal):
    """A body that is said to be something else than JSON in UTF-8, or to be packed."""

    code = "media_unknown"
    status = 415
    text = N_("Send JSON in UTF-8 as application/json, not packed; this came as “{told}”.")


def refuse_other_media(content_type: str, content_encoding: str) -> None:
    """Refuse (MediaUnknown) a body that is told to be no JSON; told nothing, it is tried."""
    if content_encoding.strip().lower() not in _ENCODINGS:
        raise MediaUnknown(told=content_encoding[:60])
    if not content_type.strip():
        return
    kind, *parameters = (part.strip().lower() for part in content_type.split(";"))
    charsets = [each.partition("=")[2].strip(' "') for each in parameters if "charset" in each]
    is_json = kind == "application/json" or (
        kind.startswith("application/") and kind[-5:] == "+json"
    )
    if not is_json or any(each not in _UTF8 for each in charsets):
        raise MediaUnknown(told=content_type[:60])


def read_json(decoder: msgspec.json.Decoder[T], raw: bytes) -> T:
    """Return what a body says, in its own types and every key once.

    Raises BodyUnreadable for what is no JSON, Invalid for a field of another type or range.
    """
    if not raw:
        raise Invalid({"body": BadField(why=NO_BODY)})
    try:
        found = decoder.decode(raw)
        _once.decode(raw.decode())
    except msgspec.ValidationError as error:
        what, _, _ = str(error).partition(" - at ")
        raise Invalid({_field(str(error)): BadField(why=what)}) from error
    except RecursionError as error:
        raise BodyUnreadable(why=N_("it is nested too deeply")) from error
    except (msgspec.DecodeError, ValueError) as error:
        raise BodyUnreadable(why=str(error)[:200]) from error
    return found


def _field(told: str) -> str:
    """Return the field that msgspec names, such as ``lines.0.quantity``."""
    found = _PLACE.search(told)
    if found is None:
        return "body"
    parts = found[1].replace("[...]", "").replace("[", ".").replace("]", "")
    return parts.strip(".") or "body"


def _named_once(pairs: Sequence[tuple[str, Any]]) -> None:
    names = [name for name, _ in pairs]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice[:60]!r} stands there twice")


# Numbers are not read again: the longest would take for ever.
_once = json.JSONDecoder(
    object_pairs_hook=_named_once, parse_int=len, parse_float=len, parse_constant=len
)


def whole(text: str) -> int | None:
    """Return the integer that a text is, of up to 18 digits, or None.

    >>> whole("12"), whole("-3"), whole("1.0"), whole("1_0"), whole(" 1"), whole("007")
    (12, -3, None, None, None, None)
    """
    return int(text) if _WHOLE.fullmatch(text) else None


def as_typed(text: str) -> str:
    """Return what a person typed, without blanks around and full-width forms made plain.

    >>> as_typed(" １，２００ ")
    '1,200'
    """
    return unicodedata.normalize("NFKC", text).strip()


def count(text: str) -> int | None:
    """Return the number of pieces that a person typed, thousands parted by commas, or None.

    Nothing at all is none of them.

    >>> count("1,200"), count(" ３ "), count(""), count("12,50"), count("-1"), count("1e3")
    (1200, 3, 0, None, None, None)
    """
    plain = as_typed(text)
    if not plain:
        return 0
    if _GROUPED.fullmatch(plain):
        plain = plain.replace(",", "")
    return int(plain) if _COUNT.fullmatch(plain) else None


def truth(text: str) -> bool | None:
    """Return the boolean that a text is, ``true`` or ``false``, or None."""
    return {"true": True, "false": False}.get(text)


def day(text: str) -> date | None:
    """Return the day that a text is (``2026-11-11``), of the years 1900 to 2199, or None.

    >>> day("2026-11-11"), day("20261111"), day("0001-01-01")
    (datetime.date(2026, 11, 11), None, None)
    """
    if not _DAY.fullmatch(text):
        return None
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return None
    return found if YEAR_LEAST <= found.year <= YEAR_MOST else None


def wall_time(text: str) -> datetime | None:
    """Return the time on a wall that a text is, as forms send it (``2026-11-11T20:00``), or None.

    It has no zone: whoever reads it knows which wall.
    """
    found = _WALL.fullmatch(text)
    if found is None or day(found[1]) is None:
        return None
    try:
        return datetime.fromisoformat(f"{found[1]}T{found[2]}")
    except ValueError:
        return None


def instant(text: str) -> datetime | None:
    """Return the UTC instant that an RFC 3339 text with its offset is, or None.

    Digits beyond the sixth are cut off, never rounded: the end of a day stays in its day.

    >>> instant("2026-11-11T23:59:59.9999999Z").isoformat()
    '2026-11-11T23:59:59.999999+00:00'
    >>> instant("2026-11-11T23:59:59"), instant("1762963200"), instant("2026-11-11T24:00:00Z")
    (None, None, None)
    """
    if not _INSTANT.fullmatch(text):
        return None
    wall, offset = (text[:-1], "+00:00") if text[-1] == "Z" else (text[:-6], text[-6:])
    seconds, _, fraction = wall.partition(".")
    try:
        return datetime.fromisoformat(f"{seconds}.{fraction[:6]:0<6}{offset}").astimezone(UTC)
    except ValueError:
        # The thirtieth of February.
        return None

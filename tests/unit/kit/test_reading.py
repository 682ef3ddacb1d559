"""Numbers, truths, days and times have one spelling each; JSON bodies their own types."""

from datetime import UTC, datetime, timedelta, timezone

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from springtide.kit import reading
from springtide.kit.errors import Invalid


class Line(msgspec.Struct, forbid_unknown_fields=True):
    key: str
    quantity: int = 1
    is_gift: bool = False


class Cart(msgspec.Struct, forbid_unknown_fields=True):
    lines: list[Line] = []
    props: dict[str, str] = {}


CART = msgspec.json.Decoder(Cart)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b'{"lines": [{"key": "a"}, {"key": "b", "quantity": "2"}]}', "lines.1.quantity"),
        (b'{"lines": [{"key": "a", "quantity": 2.0}]}', "lines.0.quantity"),
        (b'{"lines": [{"key": "a", "quantity": true}]}', "lines.0.quantity"),
        (b'{"lines": [{"key": "a", "is_gift": 1}]}', "lines.0.is_gift"),
        (b'{"lines": [{"key": "a", "is_gift": "true"}]}', "lines.0.is_gift"),
        (b'{"lines": [{"key": 7}]}', "lines.0.key"),
        (b'{"lines": [{}]}', "lines.0"),
        (b'{"props": {"a": 1}}', "props"),
        (b'{"other": 1}', "body"),
        (b"[]", "body"),
        (b"null", "body"),
        (b"", "body"),
        (b'{"lines": [{"key": "a", "quantity": 1e999}]}', "lines.0.quantity"),
        (b'{"lines": [{"key": "a", "quantity": ' + b"9" * 5_000 + b"}]}", "lines.0.quantity"),
    ],
)
def test_a_field_of_another_type_is_named(body: bytes, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        reading.read_json(CART, body)
    (name,) = refused.value.fields
    assert name == field
    assert " at " not in str(refused.value.fields[name])


@pytest.mark.parametrize(
    "body",
    [
        b" ", b"{", b"{]", b"\xff\xfe", b"\xef\xbb\xbf{}", b'{"lines": NaN}', b"{} {}",
        b'{"lines": [{"key": "\\ud800"}]}', b'{"lines": [{"key": "\xed\xa0\x80"}]}',
        b'{"lines": [], "lines": []}', b'{"lines": [{"key": "a", "key": "b"}]}',
        b'{"props": {"a": "1", "\\u0061": "2"}}', '{"lines": []}'.encode("utf-16"),
    ],
)  # fmt: skip
def test_what_is_no_json_or_says_a_thing_twice_is_unreadable(body: bytes) -> None:
    with pytest.raises(reading.BodyUnreadable):
        reading.read_json(CART, body)


@pytest.mark.parametrize("opening", [b"[", b'{"a":', b'{"lines":['])
def test_what_is_nested_deeply_is_refused(opening: bytes) -> None:
    for decoder in (CART, msgspec.json.Decoder()):
        with pytest.raises((reading.BodyUnreadable, Invalid)):
            reading.read_json(decoder, opening * 100_000)


@pytest.mark.parametrize(
    ("kind", "packed", "is_taken"),
    [
        ("", "", True), ("application/json", "", True), ("application/json; charset=UTF-8", "", 1),
        ("application/vnd.shop+json", "identity", True), ("text/plain", "", False),
        ("application/json; charset=gbk", "", False), ("application/json", "gzip", False),
        ("application/x-www-form-urlencoded", "", False), ("\x00", "", False), (";", "", False),
        ("application/jsonp", "", False), ("text/json", "", False),
    ],
)  # fmt: skip
def test_only_json_in_utf8_is_taken(kind: str, packed: str, is_taken: bool) -> None:
    if is_taken:
        reading.refuse_other_media(kind, packed)
    else:
        with pytest.raises(reading.MediaUnknown):
            reading.refuse_other_media(kind, packed)


@given(st.integers(-(10**18) + 1, 10**18 - 1))
def test_a_whole_number_has_one_spelling(number: int) -> None:
    assert reading.whole(str(number)) == number
    for text in (f"+{number}", f" {number}", f"{number}\n", f"0{number}", f"{number}.0",
                 f"{number}e0", f"{number:_}" if abs(number) > 999 else "1_0"):  # fmt: skip
        assert reading.whole(text) is None


@pytest.mark.parametrize("text", ["", "-", "-0", "٣", "１", "1" * 19, "0x1", "NaN", "true"])
def test_other_spellings_are_no_numbers(text: str) -> None:
    assert reading.whole(text) is None


@pytest.mark.parametrize("text", ["", "True", "TRUE", "1", "0", "yes", "on", "true\n", " true"])
def test_a_truth_is_true_or_false(text: str) -> None:
    assert reading.truth(text) is None
    assert (reading.truth("true"), reading.truth("false")) == (True, False)


@given(
    st.floats(-2_208_000_000, 7_258_000_000),
    st.integers(-23 * 60 - 59, 23 * 60 + 59),
    st.text("0123456789", max_size=3),
)
def test_an_instant_is_read_exactly_and_cut_at_microseconds(
    seconds: float, offset: int, more: str
) -> None:
    said = datetime.fromtimestamp(seconds, timezone(timedelta(minutes=offset)))
    text = said.isoformat(timespec="microseconds")
    found = reading.instant(text[:26] + more + text[26:])
    assert found == said
    assert found.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-11T12:00:00", "2026-11-11 12:00:00Z", "2026-11-11t12:00:00z", "1762963200", "",
        "2026-11-11T12:00:00+0800", "2026-11-11T12:00:00+08", "2026-11-11T12:00Z", "2026-11-11",
        "2026-02-30T12:00:00Z", "2026-11-11T12:00:60Z", "2026-11-11T24:00:00Z",
        "2026-11-11T12:00:00+24:00", "2026-11-11T12:00:00.Z", "2026-11-11T12:00:00Z\n",
        "0001-01-01T00:00:00+08:00", "9999-12-31T23:59:59-08:00", "２０２６-11-11T12:00:00Z",
        "2026-11-11T12:00:00.1234567890Z",
    ],
)  # fmt: skip
def test_other_spellings_are_no_instants(text: str) -> None:
    assert reading.instant(text) is None


@pytest.mark.parametrize(
    "text", ["20261111", "2026-W01-1", "2026-2-3", "2026-11-11\n", "0001-01-01", "9999-12-31", ""]
)
def test_other_spellings_are_no_days(text: str) -> None:
    assert reading.day(text) is None
    assert reading.wall_time(f"{text}T20:00") is None


def test_a_wall_time_is_what_forms_send() -> None:
    assert str(reading.wall_time("2026-11-11T20:00")) == "2026-11-11 20:00:00"
    assert str(reading.wall_time("2026-11-11 20:00:05")) == "2026-11-11 20:00:05"
    for text in ("2026-11-11T20", "2026-11-11T25:00", "2026-11-11T20:00+08:00", "2026-11-11"):
        assert reading.wall_time(text) is None

"""A letter has exactly the header lines that we wrote, whatever the names in it are made of."""

import contextlib
import email
import re
from collections.abc import Iterator
from email import policy
from email.header import decode_header
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from springtide.connectors.channels.email import (
    HEADERS,
    NOTICE_HEADERS,
    Email,
    Notice,
    SmtpAddress,
    compose,
    compose_notice,
)
from springtide.connectors.channels.letter_head import (
    LINE_BREAKS,
    UnsafeLetterError,
    check,
    joined,
    text_field,
)
from springtide.connectors.channels.mailbox import Mailbox
from springtide.domain.outreach.letters import letter as written
from springtide.domain.outreach.ports import Letter
from springtide.kit.errors import FinalError, NeedsPersonError
from tests.kit.mail import mail_sink, settings_for

FROM = "shop@tide.example"
# What Unicode, str.splitlines and mail programs take for the end of a line.
BREAKS = "\r\n\v\f\x1c\x1d\x1e\x1f\x00\x85\u2028\u2029"
LOOKALIKES = (
    "=?utf-8?q?a=0D=0AX-More:_1?=", "=?utf-8?b?YQ0KWC1Nb3JlOiAx?=", "=?utf-8?q?a=0AX-More:_1?= b",
    "a" * 70 + " =?utf-8?q?=0D=0AX-More:_1?=", "=?gb18030?b?DQpYLU1vcmU6IDE=?=", "=?utf-8?q?", "?=",
    "X-More: 1", '"', "\\", '" <x@y.test>, "', "<x@y.test>", "a,b;c:d", "(a)", " a ", "a  b",
    "领券立减 限时加购 满减 前一小时 再减 ", "👩\u200d👩\u200d👧", "e\u0301" * 40, "\u202eabc",
)  # fmt: skip
_pieces = st.sampled_from([*LOOKALIKES, *BREAKS]) | st.text(max_size=40)
_texts = st.lists(_pieces, max_size=6).map("".join)


def _letter(**changes: str) -> Letter:
    values: dict[str, Any] = {
        "reference": "msg_0000000000000000000000001",
        "to_address": "wang@buyers.example",
        "to_name": "王小明",
        "from_name": "大潮旗舰店",
        "subject": "新年超级大促",
        "text": "你好\n",
        "html": "<p>你好</p>\n",
        "opt_out_link": "https://tide.example/u/abc",
    }
    return Letter(**(values | changes))


def _read(data: bytes) -> EmailMessage:
    return email.message_from_bytes(data, policy=policy.default)


def _names(data: bytes) -> list[str]:
    """Return the headers' names as a server sees them: by lines, knowing nothing of mail."""
    head = data.split(b"\r\n\r\n")[0]
    return [
        line.partition(b":")[0].decode()
        for line in head.split(b"\r\n")
        if not line.startswith((b" ", b"\t"))
    ]


def _named(data: bytes, header: str) -> tuple[str, str]:
    """Return the name and the address of a header, by nothing but RFC 5322 and 2047."""
    raw = str(email.message_from_bytes(data)[header]).replace("\r\n", "")
    name, sign, address = raw.rpartition("<")
    name = name.strip()
    if name.startswith('"'):
        name = re.sub(r"\\(.)", r"\1", name[1:-1])
    else:
        name = "".join(
            part.decode(charset or "ascii") if isinstance(part, bytes) else part
            for part, charset in decode_header(name)
        )
    return name, sign + address


@given(to_name=_texts, from_name=_texts, subject=_texts)
@example("=?utf-8?q?a=0D=0AX-More:_1?=", "王\x85X-More: 1", "=?utf-8?b?YQ0KWC1Nb3JlOiAx?=")
def test_a_head_is_what_was_written_or_the_letter_is_refused(
    to_name: str, from_name: str, subject: str
) -> None:
    data = None
    with contextlib.suppress(UnsafeLetterError):
        data = compose(_letter(to_name=to_name, from_name=from_name, subject=subject), FROM)
    assert (data is None) == bool(LINE_BREAKS.search(to_name + from_name + subject))
    if data is None:
        return
    assert _names(data) == list(HEADERS)
    assert data.isascii()
    assert max(map(len, data.split(b"\r\n"))) <= 998
    assert not data.replace(b"\r\n", b"").count(b"\n") + data.replace(b"\r\n", b"").count(b"\r")
    got = _read(data)
    assert got["Subject"] == subject
    assert _named(data, "To") == (to_name, "<wang@buyers.example>")
    assert _named(data, "From") == (from_name, f"<{FROM}>")


@given(shop_name=_texts, subject=_texts)
@example("=?utf-8?q?a=0D=0AX-More:_1?=", "=?utf-8?q?a=0D=0AX-More:_1?=")
def test_so_is_the_head_of_a_notice(shop_name: str, subject: str) -> None:
    data = None
    notice = Notice("wang@buyers.example", shop_name, subject, "hello\n", "n1")
    with contextlib.suppress(UnsafeLetterError):
        data = compose_notice(notice, FROM)
    assert (data is None) == bool(LINE_BREAKS.search(shop_name + subject))
    if data is not None:
        assert _names(data) == list(NOTICE_HEADERS)
        assert _named(data, "From") == (shop_name, f"<{FROM}>")
        assert _read(data)["Subject"] == subject


@given(name=_texts, shop_name=_texts)
@example("=?utf-8?q?a=0D=0AX-More:_1?=", "\x85X-More: 1")
def test_whoever_is_called_so_gets_the_letter(name: str, shop_name: str) -> None:
    sent = written(
        reference="msg_1", to_address="a@buyers.example", name=name, shop_name=shop_name,
        subject="{name} {shop}", body="{name}\n{shop}\n{link}", link="https://tide.example/",
        opt_out_link="https://tide.example/u/abc", language="zh",
    )  # fmt: skip
    assert _names(compose(sent, FROM)) == list(HEADERS)


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[tuple[Mailbox, int]]:
    with mail_sink(tmp_path / "mailbox") as running:
        yield running


def test_what_leaves_has_our_headers_alone(sink: tuple[Mailbox, int], tmp_path: Path) -> None:
    mailbox, port = sink
    channel = Email.open(settings_for(tmp_path, port))
    for number, text in enumerate(LOOKALIKES):
        channel.send(_letter(reference=f"m{number}", to_name=text, from_name=text, subject=text))
    for break_ in BREAKS:
        with pytest.raises(FinalError):
            channel.send(_letter(reference="none", to_name=f"a{break_}X-More: 1"))
    channel.send(_letter(reference="last"))
    channel.close()
    files = sorted(mailbox.folder.glob("*.eml"))
    assert len(files) == len(LOOKALIKES) + 1
    assert [_names(file.read_bytes()) for file in files] == [list(HEADERS)] * len(files)


def test_a_chinese_subject_keeps_its_spaces_where_it_folds() -> None:
    phrases = ["领券立减", "限时加购", "满三百减五十", "前一小时再减", "会员专享", "跨店满减"]
    subjects = [
        " ".join((phrases * 4)[start : start + count]) for start in range(6) for count in range(18)
    ]
    assert len({len(subject) for subject in subjects}) > 40
    for subject in subjects:
        assert _read(compose(_letter(subject=subject), FROM))["Subject"] == subject


@pytest.mark.parametrize("length", [30, 76, 77, 78, 79, 300, 900])
def test_the_way_to_opt_out_is_an_address_however_long(length: int) -> None:
    link = "https://tide.example/u/".ljust(length, "a")
    data = compose(_letter(opt_out_link=link), FROM)
    assert f"\r\nList-Unsubscribe: <{link}>\r\n".encode() in data


@pytest.mark.parametrize(
    "bad",
    [
        b"Subject: a\r\nX-More: 1\r\n\r\nb", b"X-More: 1\r\nSubject: a\r\n\r\nb", b"\r\n\r\nb",
        b"Subject: a\r\n\r\nSubject: b\n.", b"Subject: a\rb\r\n\r\nc", b"Subject: a\r\n \r\n\r\nb",
        b" a\r\nSubject: b\r\n\r\nc", b"Subject: \xe8\x8c\xb6\r\n\r\nc", b"Subject: a", b"",
        b"Subject: " + b"a" * 999 + b"\r\n\r\nb", b"Subject: a\r\nno header\r\n\r\nb",
        b"Subject: a\x0bX-More: 1\r\n\r\nb",
    ],
)  # fmt: skip
def test_the_check_refuses_every_other_head(bad: bytes) -> None:
    check(joined([text_field("Subject", "a " * 100 + "b")], b"\r\nb"), ["Subject"])
    with pytest.raises(UnsafeLetterError):
        check(bad, ["Subject"])


def test_a_sender_that_is_no_address_is_told_before_anything_is_sent() -> None:
    with pytest.raises(NeedsPersonError, match="from="):
        SmtpAddress.parse("smtp://mail.example?from=shop%0D%0AX-More:1@tide.example")

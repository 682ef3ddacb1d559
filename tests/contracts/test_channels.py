"""Every channel keeps the protocol; e-mail against a real SMTP server on loopback."""

import asyncio
import email
import time
from collections.abc import Iterator
from dataclasses import replace
from email import policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

from springtide.connectors.channels.email import Email, SmtpAddress, compose
from springtide.connectors.channels.mailbox import Mailbox, MailServer
from springtide.domain.outreach.ports import Letter, MayBeAcceptedError, channels
from springtide.kit.errors import FinalError, NeedsPersonError, PassingError
from tests.kit.mail import mail_sink, settings_for
from tests.kit.ports import free_port


def letter(**changes: str) -> Letter:
    values: dict[str, Any] = {
        "reference": "msg_0000000000000000000000001",
        "to_address": "wang@buyers.example",
        "to_name": "王小明",
        "from_name": "大潮旗舰店",
        "subject": "新年超级大促，满169减10",
        "text": "你好，王小明\n",
        "html": "<p>你好，王小明</p>\n",
        "opt_out_link": "https://tide.example/u/abc",
    }
    return Letter(**(values | changes))


@pytest.mark.parametrize("kind", sorted(channels))
def test_a_letter_that_was_held_up_for_too_long_does_not_go_out(
    kind: str, sink: tuple[Mailbox, int], tmp_path: Path
) -> None:
    mailbox, port = sink
    channel = channels[kind].open(settings_for(tmp_path, port))
    with pytest.raises(PassingError):
        channel.send(replace(letter(), until=time.monotonic() - 1))
    assert mailbox.count() == 0
    dots = letter(text=".\n..\nthe end\n.")
    channel.send(replace(dots, until=time.monotonic() + 60))
    (kept,) = mailbox.all()
    assert kept.text.splitlines() == [".", "..", "the end", "."]
    channel.close()


def parsed(data: bytes) -> EmailMessage:
    return email.message_from_bytes(data, policy=policy.default)


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[tuple[Mailbox, int]]:
    with mail_sink(tmp_path / "mailbox") as running:
        yield running


@pytest.mark.parametrize("kind", sorted(channels))
def test_a_channel_names_itself_and_its_limits(kind: str, tmp_path: Path) -> None:
    channel = channels[kind].open(settings_for(tmp_path, 9))
    assert channel.kind == kind
    assert channel.label
    assert channel.content.body_length_max > 0
    channel.close()


@pytest.mark.parametrize("kind", sorted(channels))
def test_a_channel_without_a_server_fails_in_passing(kind: str, tmp_path: Path) -> None:
    channel = channels[kind].open(settings_for(tmp_path, free_port()))
    with pytest.raises(PassingError):
        channel.send(letter())
    with pytest.raises(PassingError):
        channel.was_accepted("msg_1")


@pytest.mark.parametrize("kind", sorted(channels))
def test_an_accepted_letter_is_known_by_its_reference(
    kind: str, sink: tuple[Mailbox, int], tmp_path: Path
) -> None:
    mailbox, port = sink
    channel = channels[kind].open(settings_for(tmp_path, port))
    assert channel.was_accepted(letter().reference) is False
    channel.send(letter())
    assert channel.was_accepted(letter().reference) is True
    channel.send(letter())
    assert (mailbox.count(), mailbox.copies()) == (1, 1)
    channel.close()


def test_chinese_arrives_as_it_was_written(sink: tuple[Mailbox, int], tmp_path: Path) -> None:
    mailbox, port = sink
    Email.open(settings_for(tmp_path, port)).send(letter())
    (got,) = mailbox.newest()
    assert got.subject == letter().subject
    assert got.text == letter().text
    assert got.html == letter().html
    assert "王小明" in got.to
    assert "大潮旗舰店" in got.sender


def test_opting_out_is_one_click_in_every_mail() -> None:
    mail = parsed(compose(letter(), "shop@tide.example"))
    assert mail["List-Unsubscribe"] == "<https://tide.example/u/abc>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Message-ID"] == "<msg_0000000000000000000000001@tide.example>"


@pytest.mark.parametrize("field", ["to_address", "to_name", "from_name", "subject", "opt_out_link"])
@pytest.mark.parametrize("break_", ["\r\nBcc: all@example.test", "\nX: 1", "\x00", "\u2028x"])
def test_nothing_breaks_out_of_a_header(field: str, break_: str) -> None:
    with pytest.raises(FinalError):
        compose(letter(**{field: f"a@b.test{break_}"}), "shop@tide.example")


class _Moody:
    """A server that answers as it is told."""

    def __init__(self, **answers: str) -> None:
        self.answers = answers

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        envelope.mail_from = address
        return self.answers.get("mail", "250 OK")

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.answers.get("rcpt", "250 OK")

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.answers.get("data") == "hang up":
            assert server.transport is not None
            server.transport.close()
            await asyncio.sleep(0)
        return self.answers.get("data", "250 OK")


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ({"mail": "451 later"}, PassingError),
        ({"mail": "530 log in first"}, NeedsPersonError),
        ({"mail": "553 not you"}, NeedsPersonError),
        ({"rcpt": "450 full"}, PassingError),
        ({"rcpt": "550 no such user"}, FinalError),
        ({"data": "452 no space"}, PassingError),
        ({"data": "554 spam"}, FinalError),
        ({"data": "hang up"}, MayBeAcceptedError),
    ],
)
def test_answers_of_the_server_become_the_right_error(
    answers: dict[str, str], error: type[Exception], tmp_path: Path
) -> None:
    port = free_port()
    controller = Controller(_Moody(**answers), hostname="127.0.0.1", port=port)
    controller.start()
    try:
        channel = Email.open(settings_for(tmp_path, port))
        with pytest.raises(error) as raised:
            channel.send(letter())
        assert type(raised.value) is error
        assert channel.was_accepted(letter().reference) is None, "a plain server cannot know"
        channel.close()
    finally:
        controller.stop()


def test_the_channel_connects_again_when_the_server_was_restarted(tmp_path: Path) -> None:
    mailbox, port = Mailbox(tmp_path / "mailbox"), free_port()
    channel = Email.open(settings_for(tmp_path, port))
    with MailServer(mailbox, port=port):
        channel.send(letter(reference="msg_1"))
    with pytest.raises(PassingError):
        channel.send(letter(reference="msg_2"))
    with MailServer(mailbox, port=port):
        channel.send(letter(reference="msg_2"))
        channel.close()
    assert mailbox.count() == 2


def test_a_server_without_tls_is_refused_when_tls_is_demanded(
    sink: tuple[Mailbox, int],
) -> None:
    channel = Email(SmtpAddress.parse(f"smtp://127.0.0.1:{sink[1]}?starttls=1"))
    with pytest.raises(NeedsPersonError):
        channel.send(letter())
    assert sink[0].count() == 0


def test_the_address_of_the_server_is_read_with_user_and_password() -> None:
    got = SmtpAddress.parse("smtps://shop%40x:p%2Fw@mail.example?from=hi@shop.example")
    assert (got.user, got.password, got.port) == ("shop@x", "p/w", 465)
    assert (got.from_address, got.encryption) == ("hi@shop.example", "tls")
    with pytest.raises(NeedsPersonError):
        SmtpAddress.parse("http://mail.example")


def test_a_hostile_message_id_stays_inside_the_folder(tmp_path: Path) -> None:
    mailbox = Mailbox(tmp_path / "box")
    for name in ("<../../x@y>", "/etc/passwd", "<.hidden@x>", "a" * 500):
        mailbox.keep(name, b"Subject: x\r\n\r\nbody")
        assert mailbox.has(name)
    assert mailbox.count() == 4
    assert [path.name for path in tmp_path.iterdir()] == ["box"]
    assert mailbox.read("../x") is None

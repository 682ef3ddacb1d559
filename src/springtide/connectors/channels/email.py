"""E-mail over SMTP: TLS and log-in by the address in the settings, one-click opt-out (RFC 8058)."""

import re
import smtplib
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from typing import ClassVar, Self
from urllib.parse import parse_qs, unquote, urlsplit

from springtide.connectors.channels.letter_head import (
    address_field,
    check,
    is_address,
    joined,
    link_field,
    text_field,
)
from springtide.domain.outreach.ports import Consent, Contact, Content, Letter, MayBeAcceptedError
from springtide.kit.errors import N_, FinalError, NeedsPersonError, PassingError
from springtide.settings import Settings

_TIMEOUT_SECONDS = 30
_DEFAULT_FROM = "no-reply@springtide.example"
#: The names of a letter's headers, in order; the last two are the body's.
HEADERS = (
    "From", "To", "Subject", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post",
    "Precedence", "Auto-Submitted", "MIME-Version", "Content-Type",
)  # fmt: skip
NOTICE_HEADERS = (
    "From", "To", "Subject", "Message-ID", "Auto-Submitted", "Content-Type",
    "Content-Transfer-Encoding", "MIME-Version",
)  # fmt: skip
# ASCII alone: a server need not take anything else.
_BODY = SMTP.clone(cte_type="7bit")
#: A dot that begins a line is sent twice: one alone ends the letter.
_DOTS = re.compile(rb"^\.", re.MULTILINE)
#: Our mail sink tells by this extension that it can be asked for a message it took before.
ASK_EXTENSION = "xaccepted"


@dataclass(frozen=True, slots=True)
class SmtpAddress:
    """Where mail is handed over, read from ``smtp[s]://user:password@host:port?from=…``."""

    host: str
    port: int
    user: str
    password: str
    from_address: str
    encryption: str

    @classmethod
    def parse(cls, url: str) -> Self:
        """Read an address; ``?starttls=1`` demands STARTTLS, ``smtps`` speaks TLS at once."""
        parts = urlsplit(url)
        options = parse_qs(parts.query)
        wants = options.get("starttls", ["0"])[0] not in ("0", "no", "false")
        implicit = parts.scheme == "smtps"
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise NeedsPersonError("SPRINGTIDE_SMTP_URL must look like smtp://user:pw@host:587")
        from_address = options.get("from", [_DEFAULT_FROM])[0]
        if not is_address(from_address):
            raise NeedsPersonError("SPRINGTIDE_SMTP_URL: what follows from= is no address")
        return cls(
            host=parts.hostname,
            port=parts.port or (465 if implicit else 25),
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            from_address=from_address,
            encryption="tls" if implicit else "starttls" if wants else "none",
        )


@dataclass(frozen=True, slots=True)
class Notice:
    """A letter of the house's own to one person, in plain text, with no way to opt out."""

    to_address: str
    from_name: str
    subject: str
    text: str
    reference: str


class Email:
    """The e-mail channel; keeps one connection and opens it again when it broke."""

    kind: ClassVar[str] = "email"
    label: ClassVar[str] = N_("Email")
    contact: ClassVar[Contact] = Contact(N_("Email"))
    content: ClassVar[Content] = Content(body_length_max=20_000, subject_length_max=200)
    consent: ClassVar[Consent] = Consent()

    def __init__(self, address: SmtpAddress) -> None:
        self._address = address
        self._connection: smtplib.SMTP | None = None

    @classmethod
    def open(cls, settings: Settings) -> Self:
        """Return the channel of these settings; connects when it first sends."""
        return cls(SmtpAddress.parse(settings.smtp_url))

    def send(self, letter: Letter) -> None:
        """Hand one letter to the server and return when it took the responsibility."""
        message = compose(letter, self._address.from_address)
        self._hand_over(letter.to_address, message, lambda: letter.is_late)

    def send_notice(self, notice: Notice) -> None:
        """Hand over a letter of the house's own, as ``send`` does with one of an outreach."""
        message = compose_notice(notice, self._address.from_address)
        self._hand_over(notice.to_address, message, lambda: False)

    def _hand_over(self, to_address: str, message: bytes, is_late: Callable[[], bool]) -> None:
        connection = self._connected()
        try:
            connection.ehlo_or_helo_if_needed()
            self._envelope(connection, to_address)
        except smtplib.SMTPServerDisconnected as error:
            self._drop()
            raise PassingError(f"the mail server hung up: {error}") from error
        except OSError as error:
            self._drop()
            raise PassingError(f"the mail server cannot be reached: {error}") from error
        self._data(connection, message, is_late)

    def was_accepted(self, reference: str) -> bool | None:
        """Ask the server whether it took a letter before; None where it does not know the word."""
        connection = self._connected()
        if not connection.has_extn(ASK_EXTENSION):
            return None
        try:
            code, _ = connection.docmd("XACCEPTED", message_id(reference, self._address))
        except OSError as error:
            self._drop()
            raise PassingError(f"the mail server cannot be reached: {error}") from error
        return {250: True, 251: False}.get(code)

    def close(self) -> None:
        """Say good-bye to the server."""
        if self._connection is not None:
            try:
                self._connection.quit()
            except OSError:
                self._connection.close()
            self._connection = None

    def _connected(self) -> smtplib.SMTP:
        if self._connection is not None:
            try:
                if self._connection.noop()[0] == 250:
                    return self._connection
            except OSError:
                pass
            self._drop()
        try:
            self._connection = self._open()
        except smtplib.SMTPAuthenticationError as error:
            raise NeedsPersonError("the mail server refused the log-in") from error
        except smtplib.SMTPNotSupportedError as error:
            raise NeedsPersonError(f"the mail server cannot do what is set: {error}") from error
        except (ssl.SSLError, ssl.CertificateError) as error:
            raise NeedsPersonError(f"no safe connection to the mail server: {error}") from error
        except OSError as error:
            raise PassingError(f"the mail server cannot be reached: {error}") from error
        return self._connection

    def _open(self) -> smtplib.SMTP:
        to = self._address
        connection: smtplib.SMTP
        if to.encryption == "tls":
            connection = smtplib.SMTP_SSL(
                to.host, to.port, timeout=_TIMEOUT_SECONDS, context=ssl.create_default_context()
            )
        else:
            connection = smtplib.SMTP(to.host, to.port, timeout=_TIMEOUT_SECONDS)
        try:
            connection.ehlo_or_helo_if_needed()
            if to.encryption == "starttls":
                connection.starttls(context=ssl.create_default_context())
                connection.ehlo()
            if to.user:
                connection.login(to.user, to.password)
        except OSError:
            connection.close()
            raise
        return connection

    def _envelope(self, connection: smtplib.SMTP, to_address: str) -> None:
        """Name sender and receiver; nothing is accepted before the data are through."""
        if not to_address.isascii():
            raise FinalError("an address with letters beyond ASCII")
        code, answer = connection.mail(self._address.from_address)
        is_ours = code != 250
        if not is_ours:
            code, answer = connection.rcpt(to_address)
            if code in (250, 251):
                return
        text = f"{code} {answer.decode(errors='replace')[:200]}"
        connection.rset()
        if 400 <= code < 500:
            raise PassingError(f"the mail server said: {text}")
        if is_ours or code in (530, 535, 538):
            raise NeedsPersonError(f"the mail server does not take mail from us: {text}")
        raise FinalError(f"the mail server refused this address: {text}")

    def _data(self, connection: smtplib.SMTP, data: bytes, is_late: Callable[[], bool]) -> None:
        try:
            code, answer = connection.docmd("DATA")
        except OSError as error:
            self._drop()
            raise PassingError(f"the mail server hung up: {error}") from error
        if code != 354:
            # Refused before any of the letter went out.
            self._reset(connection)
            raise _data_error(code, answer)
        if is_late():
            # This process stood still meanwhile. What has no end is no letter.
            self._drop()
            raise PassingError("the letter was held up for too long")
        try:
            connection.send(_DOTS.sub(b"..", data).removesuffix(b"\r\n") + b"\r\n.\r\n")
            code, answer = connection.getreply()
        except OSError as error:
            self._drop()
            raise MayBeAcceptedError(f"the connection broke within the letter: {error}") from error
        if code != 250:
            self._reset(connection)
            raise _data_error(code, answer)

    def _reset(self, connection: smtplib.SMTP) -> None:
        try:
            connection.rset()
        except OSError:
            self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _data_error(code: int, answer: bytes | str) -> PassingError | FinalError:
    said = answer.decode(errors="replace") if isinstance(answer, bytes) else answer
    text = f"{code} {said[:200]}"
    if 400 <= code < 500:
        return PassingError(f"the mail server said: {text}")
    return FinalError(f"the mail server refused the letter: {text}")


def message_id(reference: str, address: SmtpAddress) -> str:
    """Return the Message-ID of a letter: its reference at the domain we send from."""
    return _message_id(reference, address.from_address)


def _message_id(reference: str, from_address: str) -> str:
    return f"<{reference}@{from_address.rpartition('@')[2]}>"


def compose(letter: Letter, from_address: str) -> bytes:
    """Return the mail: plain text and HTML, and the headers that make opting out one click.

    Raises FinalError where a text would break out of its header: the head has exactly our lines.
    """
    fields = [
        address_field("From", letter.from_name, from_address),
        address_field("To", letter.to_name, letter.to_address),
        text_field("Subject", letter.subject),
        f"Message-ID: {_message_id(letter.reference, from_address)}",
        link_field("List-Unsubscribe", letter.opt_out_link),
        "List-Unsubscribe-Post: List-Unsubscribe=One-Click",
        "Precedence: bulk",
        "Auto-Submitted: auto-generated",
    ]
    body = EmailMessage(policy=_BODY)
    body.set_content(letter.text)
    body.add_alternative(letter.html, subtype="html")
    return _checked(fields, body, HEADERS)


def compose_notice(notice: Notice, from_address: str) -> bytes:
    """Return the mail of a notice; raises FinalError where a text would break out of its header."""
    fields = [
        address_field("From", notice.from_name, from_address),
        address_field("To", "", notice.to_address),
        text_field("Subject", notice.subject),
        f"Message-ID: {_message_id(notice.reference, from_address)}",
        "Auto-Submitted: auto-generated",
    ]
    body = EmailMessage(policy=_BODY)
    body.set_content(notice.text)
    return _checked(fields, body, NOTICE_HEADERS)


def send_notice(settings: Settings, notice: Notice) -> None:
    """Send a notice by the mail server of the settings; raises what ``Email.send`` does."""
    channel = Email.open(settings)
    try:
        channel.send_notice(notice)
    finally:
        channel.close()


def _checked(fields: Sequence[str], body: EmailMessage, names: Sequence[str]) -> bytes:
    """Return a letter as its bytes leave, looked at once more."""
    data = joined(fields, body.as_bytes())
    check(data, names)
    return data

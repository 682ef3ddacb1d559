"""A mail server that keeps every letter in a folder instead of sending it: for demo and tests.

One ``.eml`` file a Message-ID, written to a temporary name first, so a letter is there whole or
not at all. A second letter with the same Message-ID is accepted, counted and not kept, so that
"each person once" can be proven by looking.
"""

import email
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from email import policy
from email.message import EmailMessage
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session, syntax

_SIZE_MAX = 5_000_000
_SAFE = re.compile(r"[A-Za-z0-9_.@-]{1,150}")


@dataclass(frozen=True, slots=True)
class Received:
    """A letter that arrived."""

    name: str
    to: str
    sender: str
    subject: str
    text: str
    html: str
    unsubscribe: str
    copies: int


class Mailbox:
    """The folder of letters."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def keep(self, message_id: str, data: bytes) -> bool:
        """Keep a letter; False (and one more copy counted) if it was here before."""
        path = self._path(message_id)
        if path.exists():
            with path.with_suffix(".again").open("ab") as file:
                file.write(b"+")
            return False
        draft = path.with_suffix(".part")
        draft.write_bytes(data)
        draft.replace(path)
        return True

    def has(self, message_id: str) -> bool:
        """Tell whether a letter arrived."""
        return self._path(message_id).exists()

    def count(self) -> int:
        """Return how many different letters arrived."""
        return sum(1 for _ in self.folder.glob("*.eml"))

    def copies(self) -> int:
        """Return how many letters came again."""
        return sum(path.stat().st_size for path in self.folder.glob("*.again"))

    def newest(self, limit: int = 50) -> list[Received]:
        """Return the letters that arrived last."""
        paths = sorted(self.folder.glob("*.eml"), key=lambda p: (p.stat().st_mtime_ns, p.name))
        return [self._read(path) for path in reversed(paths[-limit:])]

    def all(self) -> Iterator[Received]:
        """Give every letter."""
        for path in sorted(self.folder.glob("*.eml")):
            yield self._read(path)

    def read(self, name: str) -> Received | None:
        """Return one letter by its name in ``newest``."""
        path = self.folder / f"{name}.eml"
        return self._read(path) if _SAFE.fullmatch(name) and path.is_file() else None

    def _path(self, message_id: str) -> Path:
        name = message_id.strip().strip("<>")
        if not _SAFE.fullmatch(name) or name.startswith("."):
            name = sha256(message_id.encode("utf-8", "surrogateescape")).hexdigest()
        return self.folder / f"{name}.eml"

    def _read(self, path: Path) -> Received:
        again = path.with_suffix(".again")
        copies = 1 + (again.stat().st_size if again.exists() else 0)
        return replace(_parsed(path), copies=copies)


@lru_cache(maxsize=1_000)
def _parsed(path: Path) -> Received:
    """Return a letter; taking one apart costs milliseconds, and a file never changes."""
    message = email.message_from_bytes(path.read_bytes(), policy=policy.default)
    return Received(
        name=path.stem,
        to=str(message["To"] or ""),
        sender=str(message["From"] or ""),
        subject=str(message["Subject"] or ""),
        text=_body(message, "plain"),
        html=_body(message, "html"),
        unsubscribe=str(message["List-Unsubscribe"] or "").strip(" <>"),
        copies=1,
    )


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    return str(part.get_content()).replace("\r\n", "\n") if part is not None else ""


class _Server(SMTP):
    """SMTP with one word more: XACCEPTED <message-id> tells whether a letter is here."""

    @syntax("XACCEPTED <message-id>")
    async def smtp_XACCEPTED(self, arg: str | None) -> None:  # noqa: N802 - aiosmtpd's naming
        mailbox: Mailbox = self.event_handler.mailbox
        known = mailbox.has(arg or "")
        await self.push("250 accepted" if known else "251 not accepted")


class _Handler:
    def __init__(self, mailbox: Mailbox) -> None:
        self.mailbox = mailbox

    async def handle_EHLO(  # noqa: N802 - aiosmtpd's naming
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        hostname: str,
        responses: list[str],
    ) -> list[str]:
        session.host_name = hostname
        return [*responses[:-1], "250-XACCEPTED", responses[-1]]

    async def handle_DATA(  # noqa: N802 - aiosmtpd's naming
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        content = envelope.content
        data = content if isinstance(content, bytes) else str(content).encode()
        header = email.message_from_bytes(data, policy=policy.default)
        message_id = str(header["Message-ID"] or "") or sha256(data).hexdigest()
        self.mailbox.keep(message_id, data)
        return "250 OK"


class MailServer:
    """The running server; use it as a context manager."""

    def __init__(self, mailbox: Mailbox, *, host: str = "127.0.0.1", port: int = 8025) -> None:
        self._controller = _Controller(_Handler(mailbox), hostname=host, port=port)

    def __enter__(self) -> "MailServer":
        self._controller.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._controller.stop()


class _Controller(Controller):
    def factory(self) -> SMTP:
        return _Server(
            self.handler, enable_SMTPUTF8=True, data_size_limit=_SIZE_MAX, hostname="springtide"
        )

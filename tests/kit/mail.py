"""A mail sink on a free port of loopback, and settings that send to it."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from springtide.connectors.channels.mailbox import Mailbox, MailServer
from springtide.settings import Settings, read_settings
from tests.kit.ports import free_port


def settings_for(folder: Path, port: int, *, database_url: str = "") -> Settings:
    """Return settings under a folder whose mail goes to a port of loopback."""
    return read_settings(
        {
            "SPRINGTIDE_DATA": str(folder),
            "SPRINGTIDE_DATABASE_URL": database_url,
            "SPRINGTIDE_SECRET": "0" * 64,
            "SPRINGTIDE_SMTP_URL": f"smtp://127.0.0.1:{port}?from=shop@tide.example",
            "SPRINGTIDE_PUBLIC_URL": "https://tide.example",
        }
    )


@contextmanager
def mail_sink(folder: Path) -> Iterator[tuple[Mailbox, int]]:
    """Run a sink till the end of the block; give its mailbox and port."""
    mailbox, port = Mailbox(folder), free_port()
    with MailServer(mailbox, port=port):
        yield mailbox, port

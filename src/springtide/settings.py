"""Configuration, read once from the environment."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Settings:
    """Where things lie and how the servers listen."""

    data: Path
    database_url: str
    host: str
    port: int
    secret: str
    smtp_url: str
    public_url: str
    api_rate_per_second: int = 200
    trusted_proxies: str = ""

    @property
    def lake(self) -> Path:
        """The folder of the facts' Delta tables."""
        return self.data / "lake"

    @property
    def rejects(self) -> Path:
        """The folder of the rows that imports refused."""
        return self.data / "rejects"

    @property
    def mailbox(self) -> Path:
        """The folder of the demo's mail sink."""
        return self.data / "mailbox"


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read SPRINGTIDE_DATA, _DATABASE_URL, _HOST, _SECRET, _SMTP_URL, _PUBLIC_URL, _API_RATE,
    _TRUSTED_PROXIES and PORT.

    Without SPRINGTIDE_SECRET a random one is made once and kept in the data folder.
    """
    data = Path(environment.get("SPRINGTIDE_DATA", "var")).absolute()
    host = environment.get("SPRINGTIDE_HOST", "127.0.0.1")
    port = int(environment.get("PORT", "8000"))
    return Settings(
        data=data,
        database_url=environment.get("SPRINGTIDE_DATABASE_URL") or f"sqlite:///{data}/state.db",
        host=host,
        port=port,
        secret=environment.get("SPRINGTIDE_SECRET") or _kept_secret(data / "secret"),
        smtp_url=environment.get("SPRINGTIDE_SMTP_URL", "smtp://127.0.0.1:8025"),
        public_url=environment.get("SPRINGTIDE_PUBLIC_URL", f"http://{host}:{port}").rstrip("/"),
        api_rate_per_second=max(int(environment.get("SPRINGTIDE_API_RATE", "200")), 1),
        trusted_proxies=environment.get("SPRINGTIDE_TRUSTED_PROXIES", ""),
    )


def _kept_secret(path: Path) -> str:
    """Return the secret of this installation, made at the first start, readable by its owner."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return path.read_text().strip()
    with os.fdopen(handle, "w") as file:
        secret = secrets.token_hex(32)
        file.write(secret)
    return secret

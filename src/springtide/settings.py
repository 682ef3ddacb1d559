"""Configuration, read once from the environment."""

import contextlib
import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Literal, TypeAlias

from springtide.kit.errors import N_, Refusal


class BadProxies(Refusal):
    """A list of proxies with something that is no address."""

    code = "bad_proxies"
    text = N_("SPRINGTIDE_TRUSTED_PROXIES: “{value}” is neither an address nor a network.")


class BadSetting(Refusal):
    """An environment variable that cannot be read."""

    code = "bad_setting"
    text = N_("{name}={value} is no whole number from {least} to {most}.")


class ShortSecret(Refusal):
    """A secret that can be guessed, or none where one is set."""

    code = "short_secret"
    text = N_(
        "SPRINGTIDE_SECRET has {length} characters, and needs {least} at least: set one that "
        "nobody can guess (openssl rand -hex 32), or leave it unset, and one is made."
    )


class ShortKeptSecret(ShortSecret):
    """The kept secret is cut short or gone from its file: what it signed would no longer hold."""

    text = N_(
        "The secret in {path} has {length} characters, and needs {least} at least: put back the "
        "file from a backup. Only if there is none, write a new one (openssl rand -hex 32 > "
        "{path}): links, customers' tokens and apps for second factors that were given out no "
        "longer work."
    )


class SecretMissing(Refusal):
    """The installation was used with a secret, and there is none any more."""

    code = "secret_missing"
    text = N_(
        "The secret of this installation is missing: {path} is gone, and there are data that were "
        "used with it. Put back the file from a backup, or set SPRINGTIDE_SECRET to it. Only if "
        "it is lost, write a new one (openssl rand -hex 32 > {path}): links, customers' tokens "
        "and apps for second factors that were given out no longer work."
    )


class SecretUnreadable(Refusal):
    """The file of the secret cannot be read."""

    code = "secret_unreadable"
    text = N_("The secret in {path} cannot be read ({why}): it belongs to who runs Springtide.")


SECRET_LENGTH_MIN = 32
SigningFrom: TypeAlias = Literal["environment", "file", "made now"]
#: What Springtide writes in its data folder.
IN_DATA = (
    "state.db*", "durable.db*", "secret", ".secret-*", "lake", "rejects", "uploads", "mailbox",
    "logs", "demo-*", "in-use.lock", ".keeping", ".restore", ".before-restore-*",
)  # fmt: skip


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
    #: Whether a mail server was named; ``smtp_url`` else leads to the demo's sink.
    has_mail_server: bool = False
    trusted_proxies: tuple[str, ...] = ()
    #: Where the secret is from: a made one is right only where nothing was used with another.
    signing_from: SigningFrom = "environment"

    @property
    def lake(self) -> Path:
        """The folder of the facts' Delta tables."""
        return self.data / "lake"

    @property
    def rejects(self) -> Path:
        """The folder of the rows that imports refused."""
        return self.data / "rejects"

    @property
    def uploads(self) -> Path:
        """The folder of files that people uploaded."""
        return self.data / "uploads"

    @property
    def mailbox(self) -> Path:
        """The folder of the demo's mail sink."""
        return self.data / "mailbox"


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read SPRINGTIDE_DATA, _DATABASE_URL, _HOST, _SECRET, _SMTP_URL, _PUBLIC_URL, _API_RATE,
    _TRUSTED_PROXIES and PORT.

    Without SPRINGTIDE_SECRET a random one is made once and kept in the data folder. Refuses
    (BadSetting) numbers that are none, (ShortSecret) a secret that can be guessed, and
    (SecretMissing) data that were used with one that is gone.
    """
    data = Path(environment.get("SPRINGTIDE_DATA", "var")).absolute()
    secret, signing_from = _secret(environment, data)
    host = environment.get("SPRINGTIDE_HOST", "127.0.0.1")
    port = _whole(environment, "PORT", 8000, least=1, most=65_535)
    return Settings(
        data=data,
        database_url=environment.get("SPRINGTIDE_DATABASE_URL") or f"sqlite:///{data}/state.db",
        host=host,
        port=port,
        secret=secret,
        smtp_url=environment.get("SPRINGTIDE_SMTP_URL", "smtp://127.0.0.1:8025"),
        public_url=environment.get("SPRINGTIDE_PUBLIC_URL", f"http://{host}:{port}").rstrip("/"),
        api_rate_per_second=_whole(
            environment, "SPRINGTIDE_API_RATE", 200, least=1, most=1_000_000
        ),
        has_mail_server=bool(environment.get("SPRINGTIDE_SMTP_URL")),
        trusted_proxies=_proxies(environment.get("SPRINGTIDE_TRUSTED_PROXIES", "")),
        signing_from=signing_from,
    )


def read_target(environment: Mapping[str, str] = os.environ) -> tuple[Path, str, str | None]:
    """Return data folder, database and secret as they are told, and make nothing.

    The secret is None where none is told: then it is the one in the data folder.
    """
    data = Path(environment.get("SPRINGTIDE_DATA", "var")).absolute()
    url = environment.get("SPRINGTIDE_DATABASE_URL") or f"sqlite:///{data}/state.db"
    return data, url, environment.get("SPRINGTIDE_SECRET")


def _whole(
    environment: Mapping[str, str], name: str, default: int, *, least: int, most: int
) -> int:
    value = environment.get(name) or str(default)
    if not value.isascii() or not value.isdigit() or not least <= int(value[:20]) <= most:
        raise BadSetting(name=name, value=value[:40], least=least, most=most)
    return int(value)


def _proxies(text: str) -> tuple[str, ...]:
    """Return the addresses and networks of a list with commas; refuses (BadProxies) others."""
    found = tuple(each.strip() for each in text.split(",") if each.strip())
    for each in found:
        try:
            ip_network(each)
        except ValueError:
            raise BadProxies(value=each[:60]) from None
    return found


def _secret(environment: Mapping[str, str], data: Path) -> tuple[str, SigningFrom]:
    """Return the secret and where it is from."""
    given = environment.get("SPRINGTIDE_SECRET")
    if given is None:
        return kept_secret(data)
    # Set to nothing is a mistake of who set it, never the wish for another secret.
    if (length := len(given.strip())) < SECRET_LENGTH_MIN:
        raise ShortSecret(length=length, least=SECRET_LENGTH_MIN)
    return given, "environment"


def kept_secret(data: Path) -> tuple[str, SigningFrom]:
    """Return the secret of this data folder, made at its first start, readable by its owner."""
    path, is_new = data / "secret", False
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    _take_restored(data, path)
    if not path.exists():
        if _was_used(data):
            raise SecretMissing(path=path)
        # Written whole beside it and then linked: of two first starts one wins, and neither
        # reads an empty file.
        handle, written = tempfile.mkstemp(dir=path.parent, prefix=".secret-")
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_hex(32))
        with contextlib.suppress(FileExistsError):
            os.link(written, path)
            is_new = True
        os.unlink(written)
    try:
        found = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise SecretUnreadable(path=path, why=why) from error
    if len(found) < SECRET_LENGTH_MIN:
        raise ShortKeptSecret(path=path, length=len(found), least=SECRET_LENGTH_MIN)
    return found, "made now" if is_new else "file"


def _was_used(data: Path) -> bool:
    """Tell whether a data folder holds what was written with a secret."""
    lake = data / "lake"
    return (data / "state.db").exists() or (lake.is_dir() and any(lake.iterdir()))


def _take_restored(data: Path, path: Path) -> None:
    """Put into its place the secret of a restore that was decided and cut off (flows/restoring).

    The rest is moved when the data are opened, and must not be met with another secret.
    """
    stage = data / ".restore"
    if (stage / "ready.json").is_file():
        with contextlib.suppress(FileExistsError, FileNotFoundError):
            os.link(stage / "secret", path)

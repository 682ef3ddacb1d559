"""Nothing lies about unused: what vulture finds, less what is used where it cannot look."""

import re
from collections.abc import Iterator
from pathlib import Path

import vulture  # type: ignore[import-untyped]

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "springtide"
#: Folders whose classes a registry finds by their file.
REGISTERED = (
    "connectors/files", "connectors/channels", "demo/actions", "domain/board/metrics",
    "domain/facts/kinds", "domain/pricing/rules", "domain/rewards/games", "flows/actions",
    "flows/exports",
)  # fmt: skip
#: What Litestar, Typer and Alembic call for us.
DECORATORS = [
    "@get", "@post", "@put", "@delete", "@patch", "@head", "@app.command", "@app.callback",
]  # fmt: skip
#: Used by name from outside: name -> by whom.
ALLOWED = {
    "application": "Granian loads it",
    "smtp_XACCEPTED": "aiosmtpd calls it",
    "handle_EHLO": "aiosmtpd calls it",
    "handle_DATA": "aiosmtpd calls it",
    "factory": "aiosmtpd calls it",
    "process_bind_param": "SQLAlchemy calls it",
    "process_result_value": "SQLAlchemy calls it",
    "impl": "SQLAlchemy reads it",
    "cache_ok": "SQLAlchemy reads it",
    "EndElementHandler": "expat calls it",
    "CharacterDataHandler": "expat calls it",
    "EntityDeclHandler": "expat calls it",
    "StartElementHandler": "expat calls it",
    "buffer_text": "expat reads it",
    "isolation_level": "sqlite3 reads it",
    "converter": "logging calls it",
    "default_time_format": "logging reads it",
    "default_msec_format": "logging reads it",
    "_retry_connection_errors": "DBOS reads it",
    "data_change": "delta-rs reads it",
    "trade_key": "the platforms' name of a metric, told in the reference",
    "host_name": "aiosmtpd reads it",
    # Parts of values that are whole: a decision is kept as a document, an order told as it is.
    "uncosted_count": "kept with decisions",
    "line_count": "part of an order as the facts tell it",
    "refunded_at": "part of an order as the facts tell it",
}


def outside() -> set[str]:
    """Return every word of templates and scripts, which read attributes by name."""
    told = [*SOURCE.rglob("*.html"), *(SOURCE / "web" / "static").glob("*.js")]
    return {word for path in told for word in re.findall(r"\w+", path.read_text())}


def found() -> Iterator[vulture.core.Item]:
    looked = vulture.Vulture(ignore_decorators=DECORATORS)
    places = [SOURCE, ROOT / "tools", ROOT / "tests"]
    looked.scavenge(map(str, places), [str(SOURCE / "migrations" / "versions")])
    yield from (each for each in looked.get_unused_code() if not _is_test(each))


def _is_test(item: vulture.core.Item) -> bool:
    return Path(item.filename).is_relative_to(ROOT / "tests")


def is_used(item: vulture.core.Item, words: set[str]) -> bool:
    place = Path(item.filename).relative_to(ROOT).as_posix().removeprefix("src/springtide/")
    is_member = item.typ == "class" and place.startswith(REGISTERED)
    # Fields of documents: whoever asks the API reads them.
    is_document = item.typ == "variable" and place.startswith("api/")
    return is_member or is_document or item.name in ALLOWED or item.name in words


def test_nothing_is_dead() -> None:
    items = list(found())
    assert len(items) > 50  # it does look
    words = outside()
    dead = [
        f"{Path(item.filename).relative_to(ROOT)}:{item.first_lineno} {item.typ} {item.name}"
        for item in items
        if not is_used(item, words)
    ]
    assert dead == []


def test_what_is_allowed_is_there() -> None:
    names = {item.name for item in found()}
    assert [name for name in ALLOWED if name not in names] == []

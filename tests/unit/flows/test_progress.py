"""How far an import is goes on being told, and it can still be stopped, after an outage."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import duckdb
import pytest
from sqlalchemy import Connection

from springtide.domain.imports import records
from springtide.flows.files import progress
from springtide.kit.outage import DatabaseAway
from tests.kit.running import wait_until


class GoneAtFirst:
    """A database that is away the first three times."""

    def __init__(self) -> None:
        self.tries = 0

    @contextmanager
    def write(self) -> Iterator[Connection | None]:
        self.tries += 1
        if self.tries <= 3:
            raise DatabaseAway
        yield None


def test_the_bar_goes_on_after_the_database_was_away(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[float] = []

    def note(_tx: object, *, share: float, **_other: Any) -> bool:
        told.append(share)
        return True  # somebody asks for it to stop

    monkeypatch.setattr(progress, "_EVERY_SECONDS", 0.01)
    monkeypatch.setattr(records, "note_progress", note)
    away: Any = GoneAtFirst()
    with (
        duckdb.connect() as connection,
        progress.Gauge(away, UUID(int=1), connection, lambda _measured: None) as watched,
    ):
        wait_until(lambda: bool(told), seconds=10)
        wait_until(lambda: watched._is_cancelled, seconds=10)
        with pytest.raises(progress.Cancelled):
            watched.enter("checking")
    assert away.tries > 3

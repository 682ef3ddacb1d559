"""A small house for the flows: a database, a data folder, the real clock."""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from springtide.domain.access.model import Shop
from springtide.domain.facts.lake import Lake
from springtide.domain.facts.reader import FactReader
from springtide.kit.db import Database
from springtide.settings import Settings, read_settings


def settings_at(data: Path, database_url: str) -> Settings:
    """Settings for a data folder and a database."""
    return read_settings({"SPRINGTIDE_DATA": str(data), "SPRINGTIDE_DATABASE_URL": database_url})


@dataclass
class SmallHouse:
    """What the flows need of the house."""

    db: Database
    settings: Settings

    @cached_property
    def lake(self) -> Lake:
        return Lake(self.settings.lake)

    @cached_property
    def facts(self) -> FactReader:
        return FactReader(self.db, self.lake)

    def real_now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - the worker needs a clock that runs

    def now(self, shop: Shop) -> datetime:
        return shop.now(self.real_now())

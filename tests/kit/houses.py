"""A small house for the flows: a database, a data folder, the real clock."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from springtide.domain.access.model import Shop
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
    facts: Any = None

    def real_now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 - the worker needs a clock that runs

    def now(self, shop: Shop) -> datetime:
        return shop.now(self.real_now())

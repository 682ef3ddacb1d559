"""Brings the Complete Journey year into the demo shop through the importer."""

from collections.abc import Callable
from typing import Protocol

from springtide.demo import story
from springtide.domain.access.model import Shop
from springtide.domain.facts.lake import Lake
from springtide.flows.files.imports import PACKAGE, import_file, locate
from springtide.flows.files.table_load import Target
from springtide.flows.timeline.action import Surroundings


class DemoHouse(Surroundings, Protocol):
    """What building the demo needs of the house."""

    @property
    def lake(self) -> Lake:
        """The sealed facts."""


def import_history(house: DemoHouse, shop: Shop, report: Callable[[int, int], None]) -> None:
    """Import the tables one after another; a second time changes nothing."""
    target = Target(house.db, house.lake, house.settings.rejects, house.real_now)
    paths = locate([PACKAGE])
    for number, path in enumerate(paths):
        report(number, len(paths))
        import_file(target, path, shop=shop, actor=story.ACTOR, kind=story.SOURCE)
    report(len(paths), len(paths))

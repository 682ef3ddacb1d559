"""Brings the Complete Journey year into the demo shop through the importer."""

from collections.abc import Callable

from springtide.domain.access.model import Shop
from springtide.flows.protocol import Surroundings


def import_history(house: Surroundings, shop: Shop, report: Callable[[int, int], None]) -> None:
    """Import the purchases; a second time changes nothing."""
    raise NotImplementedError

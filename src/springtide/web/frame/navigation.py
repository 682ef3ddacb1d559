"""The navigation: every page module may say where it stands in it."""

import importlib
import pkgutil
from dataclasses import dataclass
from functools import cache
from types import ModuleType

from springtide.domain.access.model import Member, Permission


@dataclass(frozen=True, slots=True)
class NavItem:
    """One entry, exported by a page module as ``nav``.

    ``path`` is below the shop's address (``campaigns``; empty for the overview), ``icon`` a name
    of assets/icons.txt, ``label`` an English text marked with N_.
    """

    order: int
    label: str
    icon: str
    path: str
    permission: Permission


def modules() -> list[ModuleType]:
    """Import every page module and return them in the order of their names."""
    package = importlib.import_module("springtide.web")
    found = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    return [importlib.import_module(name) for name in sorted(info.name for info in found)]


@cache
def _all() -> tuple[NavItem, ...]:
    found = [
        module.nav for module in modules() if isinstance(getattr(module, "nav", None), NavItem)
    ]
    return tuple(sorted(found, key=lambda item: item.order))


def items_for(member: Member) -> list[NavItem]:
    """Return the entries that a member's role may open."""
    return [item for item in _all() if member.may(item.permission)]

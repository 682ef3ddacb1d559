"""Settings of a shop and of one's own account, a section a module."""

from dataclasses import dataclass

from springtide.domain.access.model import Member, Permission
from springtide.kit.errors import N_
from springtide.web.frame.navigation import NavItem

nav = NavItem(90, N_("Settings"), "settings", "settings/people", Permission.SETTINGS_WRITE)


@dataclass(frozen=True, slots=True)
class Section:
    """One tab of the settings."""

    label: str
    path: str
    permission: Permission
    is_for_demo: bool = False


_SECTIONS = (
    Section(N_("Members"), "people", Permission.SETTINGS_WRITE),
    Section(N_("API keys"), "keys", Permission.SETTINGS_WRITE),
    Section(N_("Points"), "points", Permission.SETTINGS_WRITE),
    Section(N_("Security"), "security", Permission.SETTINGS_WRITE),
    Section(N_("Audit log"), "audit", Permission.SETTINGS_WRITE),
    Section(N_("Shop time"), "clock", Permission.SETTINGS_WRITE, is_for_demo=True),
    Section(N_("My account"), "me", Permission.READ),
)


def sections(member: Member) -> list[Section]:
    """Return the tabs that a member's role may open in this shop."""
    return [
        section
        for section in _SECTIONS
        if member.may(section.permission) and (member.shop.is_demo or not section.is_for_demo)
    ]

"""What the audit log tells: actions, each declared beside the operation that records it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from springtide.kit.errors import N_

_CODE = re.compile(r"[a-z]+\.[a-z_]+")
#: The column that keeps a code.
_CODE_LENGTH_MAX = 60


class AuditGroup(StrEnum):
    """What an action is about: how the audit log is filtered."""

    CAMPAIGNS = "campaigns"
    TASKS = "tasks"
    TIMELINE = "timeline"
    PRICES = "prices"
    PRODUCTS = "products"
    ORDERS = "orders"
    REWARDS = "rewards"
    GIFTS = "gifts"
    CUSTOMERS = "customers"
    OUTREACH = "outreach"
    DATA = "data"
    TEAM = "team"
    KEYS = "keys"
    SHOP = "shop"
    ACCOUNTS = "accounts"
    REFUSALS = "refusals"


#: What a reader sees for each group.
GROUP_WORDS: Mapping[AuditGroup, str] = {
    AuditGroup.CAMPAIGNS: N_("Campaigns"),
    AuditGroup.TASKS: N_("Tasks"),
    AuditGroup.TIMELINE: N_("Actions of the timeline"),
    AuditGroup.PRICES: N_("Prices and promotion rules"),
    AuditGroup.PRODUCTS: N_("Products"),
    AuditGroup.ORDERS: N_("Orders and payments"),
    AuditGroup.REWARDS: N_("Rewards and points"),
    AuditGroup.GIFTS: N_("Gifts by hand"),
    AuditGroup.CUSTOMERS: N_("Customers"),
    AuditGroup.OUTREACH: N_("Outreach"),
    AuditGroup.DATA: N_("Imports, exports and backups"),
    AuditGroup.TEAM: N_("Members and invitations"),
    AuditGroup.KEYS: N_("API keys"),
    AuditGroup.SHOP: N_("Shop"),
    AuditGroup.ACCOUNTS: N_("Accounts and log-ins"),
    AuditGroup.REFUSALS: N_("Refusals"),
}

_declared: dict[str, "AuditAction"] = {}
_words: dict[str, str] = {}
#: Every action that is declared, by its code; whole once ``flows.audit_log`` is imported.
ACTIONS: Mapping[str, "AuditAction"] = MappingProxyType(_declared)
#: What a reader sees for each code.
WORDS: Mapping[str, str] = MappingProxyType(_words)


@dataclass(frozen=True, slots=True)
class AuditAction:
    """Something that is audited: its code (noun.verb, kept for good), its words and its group.

    Made once, at the top of the module whose operation records it; a code has one declaration.
    """

    code: str
    words: str
    group: AuditGroup

    def __post_init__(self) -> None:
        if not _CODE.fullmatch(self.code) or len(self.code) > _CODE_LENGTH_MAX or not self.words:
            raise ValueError(f"{self.code!r} is no noun.verb with words")
        if self.code in _declared:
            raise ValueError(f"the audit action {self.code} is declared twice")
        _declared[self.code] = self
        _words[self.code] = self.words

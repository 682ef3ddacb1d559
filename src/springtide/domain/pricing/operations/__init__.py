"""Writes of the price book and of the promotion rules."""

from springtide.domain.pricing.operations.prices import (
    check_campaign_prices,
    restore_prices,
    set_book_prices,
    set_campaign_prices,
)
from springtide.domain.pricing.operations.rules import (
    activate_rules,
    deactivate_rules,
    remove_rule,
    save_campaign_terms,
    save_rule,
)
from springtide.domain.pricing.operations.uses import (
    LimitReached,
    given_by,
    keep_plan,
    left_of,
    limit_behind,
    use_ids,
    uses_of,
)

__all__ = [
    "LimitReached",
    "activate_rules",
    "check_campaign_prices",
    "deactivate_rules",
    "given_by",
    "keep_plan",
    "left_of",
    "limit_behind",
    "remove_rule",
    "restore_prices",
    "save_campaign_terms",
    "save_rule",
    "set_book_prices",
    "set_campaign_prices",
    "use_ids",
    "uses_of",
]

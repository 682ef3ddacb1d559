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
    give_back_rules,
    given_by,
    keep_plan,
    left_of,
    use_rules,
)

__all__ = [
    "activate_rules",
    "check_campaign_prices",
    "deactivate_rules",
    "give_back_rules",
    "given_by",
    "keep_plan",
    "left_of",
    "remove_rule",
    "restore_prices",
    "save_campaign_terms",
    "save_rule",
    "set_book_prices",
    "set_campaign_prices",
    "use_rules",
]

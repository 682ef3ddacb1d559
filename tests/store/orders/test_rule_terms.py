"""What a rule may be saved as, beside the other rules of its campaign."""

from datetime import datetime
from typing import Any
from uuid import UUID

import pytest

from springtide.domain.access.act import Act
from springtide.domain.pricing import operations as pricing
from springtide.domain.pricing.book import SavedRule, Terms
from springtide.domain.pricing.rule import Conditions, Stacking
from springtide.kit.db import Database
from springtide.kit.errors import Invalid
from tests.kit.shops import ACTOR, new_shop

PERCENT = {"percent_bps": 1_000}


class Rules:
    """The rules of one campaign."""

    def __init__(self, database: Database, now: datetime) -> None:
        self.db, self.now = database, now
        self.shop = new_shop(database, now=now)
        self.campaign_id = UUID(int=1)

    def save(self, kind: str, params: dict[str, Any], terms: Terms, **rule: Any) -> SavedRule:
        with self.db.write() as tx:
            return pricing.save_rule(
                Act.of(tx, self.shop, ACTOR, self.now),
                campaign_id=self.campaign_id,
                rule_id=rule.get("rule_id"),
                kind=kind,
                params=params,
                terms=terms,
            )

    def remove(self, rule: SavedRule) -> None:
        with self.db.write() as tx:
            pricing.remove_rule(
                Act.of(tx, self.shop, ACTOR, self.now),
                campaign_id=self.campaign_id,
                rule_id=rule.id,
            )


@pytest.fixture
def rules(database: Database, now: datetime) -> Rules:
    return Rules(database, now)


def percent_off(rules: Rules, **terms: Any) -> SavedRule:
    return rules.save("percent_off", PERCENT, Terms(**terms))


def test_rules_are_saved_after_a_rule_that_others_name_is_removed(rules: Rules) -> None:
    first = percent_off(rules)
    percent_off(rules, stacking=Stacking(excludes=(first.key, "lane:shop"), after=(first.key,)))
    rules.remove(first)
    assert percent_off(rules).version == 1


def test_a_rule_that_is_gone_cannot_be_named_anew(rules: Rules) -> None:
    first = percent_off(rules)
    rules.remove(first)
    with pytest.raises(Invalid) as refused:
        percent_off(rules, stacking=Stacking(excludes=(first.key,)))
    assert refused.value.fields["stacking"].code == "stack_unknown"


@pytest.mark.parametrize("field", ["combines", "after"])
def test_a_lane_has_no_order(rules: Rules, field: str) -> None:
    stacking = Stacking(**{"excludes": ("lane:shop",), field: ("lane:shop",)})
    with pytest.raises(Invalid) as refused:
        percent_off(rules, stacking=stacking)
    assert refused.value.fields["stacking"].code == "stack_unknown"


def test_a_rule_stays_of_its_kind(rules: Rules) -> None:
    saved = percent_off(rules)
    with pytest.raises(Invalid) as refused:
        rules.save("free_shipping", {}, Terms(), rule_id=saved.id)
    assert refused.value.fields["kind"].code == "rule_kind_fixed"


@pytest.mark.parametrize("code", ["a\0b", "a\ud800"])
def test_a_code_that_no_database_keeps_is_refused(rules: Rules, code: str) -> None:
    with pytest.raises(Invalid) as refused:
        percent_off(rules, conditions=Conditions(code=code))
    assert refused.value.fields["conditions.code"].code == "rule_code"

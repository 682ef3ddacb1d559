"""What is typed in a reward's form, read with all that is wrong with it at once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import Connection

from springtide.domain.access.model import Member
from springtide.domain.campaigns.queries import campaigns
from springtide.domain.pricing.queries import campaign_rules
from springtide.domain.rewards.model import Terms
from springtide.kit.errors import N_, Invalid, Refusal
from springtide.kit.reading import wall_time
from springtide.web.campaigns.rule_sample import title_of
from springtide.web.frame.struct_fields import Field, fields_of, read_fields

TERMS = fields_of(Terms)


class BadInstant(Refusal):
    """A text that is no day and time."""

    code = "bad_instant"
    text = N_("Choose a day and a time.")


class UnknownRuleKey(Refusal):
    """A price rule that nobody saved."""

    code = "reward_rule_unknown"
    text = N_("Choose one of the shop's price rules “only for those who hold it”.")


@dataclass(frozen=True, slots=True)
class TypedReward:
    """A reward as it was typed."""

    params: dict[str, Any]
    terms: Terms
    opens_at: datetime
    closes_at: datetime


def typed_reward(
    fields: Sequence[Field], data: Mapping[str, Any], member: Member, rules: set[str]
) -> TypedReward:
    """Read a reward's form; refuses, by field, all that is wrong with it at once."""
    problems: dict[str, Refusal] = {}
    params: dict[str, Any] = {}
    terms: dict[str, Any] = {}
    for into, some in ((params, fields), (terms, TERMS)):
        try:
            into |= read_fields(some, data, member.shop.currency)
        except Invalid as wrong:
            problems |= wrong.fields
    times = {}
    for name in ("opens_at", "closes_at"):
        wall = wall_time(str(data.get(name, "")))
        if wall is None:
            problems[name] = BadInstant()
        else:
            times[name] = wall.replace(tzinfo=member.shop.tz)
    for name, value in _named_rules(params):
        if value not in rules:
            problems[name] = UnknownRuleKey()
    if problems:
        raise Invalid(problems)
    # An empty limit is no limit, though a new form begins with one for each customer.
    limits = {name: terms.get(name) for name in ("per_customer", "per_device", "per_address")}
    return TypedReward(params, msgspec.convert(terms | limits, Terms), **times)


def _named_rules(params: Mapping[str, Any]) -> list[tuple[str, str]]:
    found = [("rule", params["rule"])] if params.get("rule") else []
    for row, prize in enumerate(params.get("prizes", ())):
        if prize.get("rule"):
            found.append((f"prizes.{row}.rule", prize["rule"]))
    return found


def issued_rules(tx: Connection, member: Member) -> list[tuple[str, str]]:
    """Return the price rules that only those count for who hold them, with their names."""
    found = []
    for campaign in campaigns(tx, shop_id=member.shop.id):
        for rule in campaign_rules(tx, shop_id=member.shop.id, campaign_id=campaign.id):
            if rule.terms.conditions.is_issued:
                found.append((rule.key, f"{campaign.name} · {title_of(rule)}"))
    return found


def campaign_spending(tx: Connection, member: Member, params: Mapping[str, Any]) -> UUID | None:
    """Return the campaign of the price rule that spends a reward; it counts as part of it."""
    wanted = {rule for _, rule in _named_rules(params)}
    for campaign in campaigns(tx, shop_id=member.shop.id):
        rules = campaign_rules(tx, shop_id=member.shop.id, campaign_id=campaign.id)
        if wanted & {rule.key for rule in rules}:
            return campaign.id
    return None

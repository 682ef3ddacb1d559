"""Promotion rules, one file a kind; a rule is added by adding its file."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from springtide.domain.pricing.rule import Rule
from springtide.kit.errors import N_, Invalid, Refusal
from springtide.kit.registry import Registry

RULES: Registry[Rule] = Registry("rules", __name__, Rule)  # type: ignore[type-abstract]


class UnknownRule(Refusal):
    """A kind of rule that is not installed."""

    code = "unknown_rule"
    text = N_("There is no promotion rule of the kind “{kind}”.")


class BadRuleParams(Refusal):
    """Parameters that do not have the rule's shape."""

    code = "bad_rule_params"
    text = N_("The rule cannot be read: {why}")


def read_rule(kind: str, params: Mapping[str, Any]) -> Rule:
    """Return the rule of a kind with its parameters; refuse what has not its shape."""
    if kind not in RULES:
        raise UnknownRule(kind=kind[:60])
    try:
        return msgspec.convert(params, RULES[kind])
    except msgspec.ValidationError as error:
        raise Invalid({_field(error): BadRuleParams(why=str(error))}) from error


def checked_rule(kind: str, params: Mapping[str, Any]) -> Rule:
    """Return a rule that may be saved; refuse one with problems, by field."""
    rule = read_rule(kind, params)
    problems = rule.problems()
    if problems:
        raise Invalid(problems)
    return rule


def _field(error: msgspec.ValidationError) -> str:
    """Return the field that a shape error names (``at `$.steps[0].pieces```), or ``params``."""
    found = re.search(r"`\$\.?([^`]*)`", str(error))
    named = re.sub(r"\[(\d+)\]", r".\1", found[1]) if found else ""
    return named.lstrip(".") or "params"

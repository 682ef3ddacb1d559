"""What a person types about a campaign, read into drafts, tasks and ladders; refused by field."""

from collections.abc import Callable, Mapping
from datetime import date
from typing import Any, TypeVar

from sqlalchemy import Connection

from springtide.domain.access.model import Member, Role
from springtide.domain.campaigns import queries
from springtide.domain.campaigns.model import (
    Campaign,
    Draft,
    Goals,
    NewTask,
    Phase,
    PhaseKind,
    read_relative,
    written,
)
from springtide.domain.pricing.book import SavedRule
from springtide.flows.timeline.planning import gated_phases
from springtide.kit import ids, reading
from springtide.kit.errors import N_, Invalid, Refusal
from springtide.kit.money import parse_minor, to_decimal
from springtide.web.frame.forms import read_count

Read = TypeVar("Read")

#: Rows of the ladder's form; what is left empty is no step.
LADDER_ROWS = 5


class NoSaleDay(Refusal):
    """A campaign's day that is not one."""

    code = "no_sale_day"
    text = N_("Choose the day of the sale.")


class BadGate(Refusal):
    """A phase in which nothing waits for a task."""

    code = "bad_gate"
    text = N_("Choose a phase that can wait for a task.")


class BadRole(Refusal):
    """A role that no shop has."""

    code = "bad_role"
    text = N_("Choose a role.")


def campaign_of(tx: Connection, member: Member, key: str) -> Campaign:
    """Return the campaign of an address; raises NotFound or BadId."""
    campaign_id = ids.inward("cmp", key)
    return queries.campaign(tx, shop_id=member.shop.id, campaign_id=campaign_id)


def address(member: Member, campaign: Campaign | None = None, page: str = "") -> str:
    """Return the address of a campaign's page, or of the list."""
    parts = ["/shops", member.shop.slug, "campaigns"]
    if campaign is not None:
        parts.append(campaign.key)
    return "/".join([*parts, page] if page else parts)


def values_of(draft: Draft, currency: str) -> dict[str, str]:
    """Return a draft as the fields of its form."""
    values = {
        "name": draft.name,
        "day": draft.day.isoformat(),
        "note": draft.note,
        "goals.paid_minor": _money_text(draft.goals.paid_minor, currency),
        "goals.buyers": str(draft.goals.buyers or ""),
        "goals.units": str(draft.goals.units or ""),
    }
    for phase in draft.phases:
        field = f"phases.{phase.kind.value}"
        values[f"{field}.name"] = phase.name
        values[f"{field}.starts"] = written(phase.starts)
        values[f"{field}.ends"] = written(phase.ends)
    return values


def read_draft(typed: Mapping[str, Any], *, shown: Draft, currency: str) -> Draft:
    """Return the draft that was typed; what the form did not ask stays as ``shown``."""
    problems: dict[str, Refusal] = {}

    def take(name: str, read: Callable[[str], Read], default: Read) -> Read:
        text = str(typed.get(name, "")).strip()
        try:
            return read(text) if name in typed else default
        except Refusal as refusal:
            problems[name] = refusal
            return default

    def read_phase(phase: Phase) -> Phase:
        field = f"phases.{phase.kind.value}"
        return Phase(
            PhaseKind(phase.kind),
            take(f"{field}.name", lambda text: text[:40] or phase.name, phase.name),
            take(f"{field}.starts", read_relative, phase.starts),
            take(f"{field}.ends", read_relative, phase.ends),
        )

    draft = Draft(
        name=take("name", str, shown.name),
        day=take("day", _day, shown.day),
        goals=Goals(
            take("goals.paid_minor", lambda text: _money(text, currency), shown.goals.paid_minor),
            take("goals.buyers", read_count, shown.goals.buyers),
            take("goals.units", read_count, shown.goals.units),
        ),
        phases=tuple(read_phase(phase) for phase in shown.phases),
        note=take("note", str, shown.note),
    )
    if problems:
        raise Invalid(problems)
    return draft


def read_task(typed: Mapping[str, Any]) -> NewTask:
    """Return the task that was typed; its checklist has one line a line."""
    problems: dict[str, Refusal] = {}
    role = Role.OPERATIONS
    try:
        role = Role(str(typed.get("role", "")))
    except ValueError:
        problems["role"] = BadRole()
    due, gate = None, None
    try:
        due = read_relative(str(typed.get("due", "")))
    except Refusal as refusal:
        problems["due"] = refusal
    try:
        gate = read_gate(typed)
    except Refusal as refusal:
        problems["gate"] = refusal
    if problems or due is None:
        raise Invalid(problems)
    lines = (line.strip() for line in str(typed.get("checklist", "")).splitlines())
    checklist = tuple(line for line in lines if line)
    return NewTask(str(typed.get("title", "")), role, due, checklist, gate)


def read_gate(typed: Mapping[str, Any]) -> PhaseKind | None:
    """Return the phase that is to wait for a task; None where none was chosen."""
    value = str(typed.get("gate", ""))
    if value and value not in gated_phases():
        raise BadGate
    return PhaseKind(value) if value else None


def read_ladder(typed: Mapping[str, Any], currency: str) -> dict[str, Any]:
    """Return the parameters of the ladder that was typed; empty rows are left out."""
    problems: dict[str, Refusal] = {}
    steps: list[dict[str, int]] = []
    for row in range(LADDER_ROWS):
        names = [f"steps.{row}.threshold_minor", f"steps.{row}.discount_minor"]
        texts = [str(typed.get(name, "")).strip() for name in names]
        if not any(texts):
            continue
        step: dict[str, int] = {}
        for name, text in zip(names, texts, strict=True):
            try:
                step[name.rpartition(".")[2]] = parse_minor(text, currency)
            except Refusal as refusal:
                problems[name] = refusal
        steps.append(step)
    if problems:
        raise Invalid(problems)
    return {"steps": steps}


def read_keys(text: str) -> tuple[str, ...]:
    """Return the product keys of a text, each once; blanks and commas part them."""
    return tuple(dict.fromkeys(text.replace(",", " ").replace("，", " ").split()))


def ladder_values(rule: SavedRule, currency: str) -> dict[str, str]:
    """Return a ladder as the fields of its form."""
    values = {"products": " ".join(rule.terms.conditions.products.keys)}
    for row, step in enumerate(rule.params["steps"]):
        for name in ("threshold_minor", "discount_minor"):
            amount = step.get(name, 0)
            values[f"steps.{row}.{name}"] = _money_text(amount, currency)
    return values


def money_text(amount_minor: int, currency: str) -> str:
    """Return an amount as a form's field holds it."""
    return str(to_decimal(amount_minor, currency))


def _money_text(amount_minor: int, currency: str) -> str:
    return money_text(amount_minor, currency) if amount_minor else ""


def _day(text: str) -> date:
    found = reading.day(reading.as_typed(text))
    if found is None:
        raise NoSaleDay
    return found


def _money(text: str, currency: str) -> int:
    return parse_minor(text, currency) if text else 0

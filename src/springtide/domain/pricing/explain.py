"""What a decision says to a person: one sentence a fact, to be translated where it is shown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from springtide.domain.pricing.model import Reason, RuleOutcome
from springtide.kit.errors import N_


@dataclass(frozen=True, slots=True)
class Sentence:
    """An English text with its facts: ``money`` in minor units, ``words`` as they are."""

    text: str
    money: Mapping[str, int] = field(default_factory=dict)
    words: Mapping[str, str] = field(default_factory=dict)

    def fill(self, text: str, money: Callable[[int], str]) -> str:
        """Return a (translated) text with its facts written in."""
        return text.format(**{key: money(value) for key, value in self.money.items()}, **self.words)


def explain(outcome: RuleOutcome) -> list[Sentence]:
    """Return what became of a rule: given or why not, the next step, what did not fit."""
    sentences: list[Sentence] = []
    if outcome.is_applied:
        sentences.append(Sentence(N_("{amount} off"), {"amount": outcome.amount_minor}))
    elif outcome.reason is not None:
        sentences += _why_not(outcome.reason)
    if outcome.next_step is not None:
        step = outcome.next_step
        money = {"missing": step.missing_minor, "saves": step.saves_minor}
        sentences.append(Sentence(N_("add {missing} to save {saves}"), money))
    if outcome.cut_minor:
        cut = {"cut": outcome.cut_minor}
        sentences.append(Sentence(N_("{cut} did not fit above the floors"), cut))
    return sentences


def _why_not(reason: Reason) -> list[Sentence]:
    observed, needed = reason.observed, reason.needed
    if reason.code == "no_product":
        return [Sentence(N_("none of its products is in the cart"))]
    if reason.code == "no_room" and isinstance(needed, int):
        return [Sentence(N_("the floors leave no room for {wanted}"), {"wanted": needed})]
    if reason.code == "lost_to" and isinstance(needed, int) and isinstance(observed, int):
        more = {"more": needed - observed}
        return [Sentence(N_("the other rule gives {more} more"), more)]
    if reason.code == "not_open":
        return [Sentence(N_("opens at {when}"), words={"when": str(needed)})]
    if reason.code == "closed":
        return [Sentence(N_("closed at {when}"), words={"when": str(needed)})]
    if reason.code == "below_threshold" and isinstance(needed, int) and isinstance(observed, int):
        seen = {"needed": needed, "observed": observed}
        return [Sentence(N_("starts at {needed}, the cart has {observed}"), seen)]
    return []

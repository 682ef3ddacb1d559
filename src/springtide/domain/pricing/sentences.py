"""What a decision says to a person: one sentence a fact, to be translated where it is shown."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from springtide.domain.pricing.explain import Outcome
from springtide.domain.pricing.model import Reason
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


def sentences(outcome: Outcome) -> list[Sentence]:
    """Return what became of a rule: given or why not, the next step, what did not fit."""
    said: list[Sentence] = []
    if outcome.gifts:
        pieces = sum(gift.quantity for gift in outcome.gifts)
        said.append(Sentence(N_("a gift of {pieces}"), words={"pieces": str(pieces)}))
    elif outcome.is_applied:
        said.append(Sentence(N_("{amount} off"), {"amount": outcome.amount_minor}))
    elif outcome.reason is not None:
        said += _why_not(outcome.reason)
    if outcome.next_step is not None:
        step = outcome.next_step
        saves = {"saves": step.saves_minor}
        if step.missing_pieces:
            pieces_text = {"pieces": str(step.missing_pieces)}
            said.append(Sentence(N_("add {pieces} more to save {saves}"), saves, pieces_text))
        else:
            money = {"missing": step.missing_minor, **saves}
            said.append(Sentence(N_("add {missing} to save {saves}"), money))
    if outcome.cut_minor:
        cut = {"cut": outcome.cut_minor}
        said.append(Sentence(N_("{cut} did not fit above the floors"), cut))
    return said


#: Sentences that need no fact, by the reason's code.
_PLAIN = {
    "no_product": N_("none of its products is in the cart"),
    "no_reduction": N_("it would not lower any price"),
    "no_shipping": N_("there is no shipping to pay"),
    "no_points": N_("no points are used"),
    "wrong_tier": N_("it is for other tiers"),
    "wrong_segment": N_("it is for other customers"),
    "wrong_channel": N_("it is for other channels"),
    "wrong_region": N_("it does not go to this region"),
    "not_first_order": N_("it is for a first order"),
    "no_code": N_("its code was not entered"),
    "not_issued": N_("this customer does not hold it"),
    "limit_customer": N_("this customer has used it as often as it may be used"),
    "limit_total": N_("it was used as often as it may be used"),
    "limit_money": N_("its budget is used up"),
}


def _why_not(reason: Reason) -> list[Sentence]:
    observed, needed, code = reason.observed, reason.needed, reason.code
    if code in _PLAIN:
        return [Sentence(_PLAIN[code])]
    if code == "not_open":
        return [Sentence(N_("opens at {when}"), words={"when": str(needed)})]
    if code == "closed":
        return [Sentence(N_("closed at {when}"), words={"when": str(needed)})]
    if code == "wrong_hour":
        return [Sentence(N_("holds from {hours} each day"), words={"hours": str(needed)})]
    if code == "missing_products":
        return [
            Sentence(N_("it needs {products} too"), words={"products": ", ".join(reason.others)})
        ]
    if code == "too_few_pieces":
        words = {"needed": str(needed), "observed": str(observed)}
        return [Sentence(N_("it needs {needed} pieces, the cart has {observed}"), words=words)]
    if code == "margin_guard":
        words = {
            "needed": f"{int(needed) / 100:.1f}%",
            "observed": f"{int(observed) / 100:.1f}%",
        }
        text = N_("the margin would fall to {observed}, the guard asks for {needed}")
        return [Sentence(text, words=words)]
    if not isinstance(needed, int) or not isinstance(observed, int):
        return []
    if code == "no_room":
        return [Sentence(N_("the floors leave no room for {wanted}"), {"wanted": needed})]
    if code == "lost_to":
        more = {"more": observed - needed}
        return [Sentence(N_("other rules together save {more} more"), more)]
    if code == "below_threshold":
        seen = {"needed": needed, "observed": observed}
        return [Sentence(N_("starts at {needed}, the cart has {observed}"), seen)]
    return []

"""What an outreach caused: who bought among those meant to get it, against those held out.

Everyone of the fixed audience counts in the arm they were drawn into, whatever became of their
message; otherwise the arms would differ by more than the draw.
"""

from dataclasses import dataclass

from springtide.analytics.lift import (
    Count,
    Estimate,
    Sums,
    detectable_difference,
    mean_difference,
    rate_difference,
    rate_ratio,
    share_p,
    verdict,
)
from springtide.domain.access.model import Shop
from springtide.domain.customers.queries import money_kind
from springtide.domain.facts.model import months
from springtide.domain.facts.reader import FactReader
from springtide.domain.outreach.model import Outreach
from springtide.kit.time import Window

_SPENT = """
select customer_key, sum(amount_minor)::bigint
from facts
where shop = $shop and kind = $kind and customer_key is not null
  and month between $first and $last
  and occurred_at >= $from::timestamptz and occurred_at < $to::timestamptz
group by customer_key
"""


@dataclass(frozen=True, slots=True)
class Arm:
    """One side: people, those of them who bought, their money (minor units)."""

    buyers: Count
    money: Sums

    @property
    def money_minor(self) -> int:
        """What the arm paid in the window."""
        return round(self.money.total)


@dataclass(frozen=True, slots=True)
class Effect:
    """The comparison of both arms in a window.

    ``rate`` is the difference of the buyers' shares, ``ratio`` the relative lift of it, ``money``
    the difference in minor units per person. ``verdict`` is raised, lowered, unclear or no_arm.
    ``detectable`` is the smallest rise of the share that arms of this size would show.
    """

    window: Window
    money_basis: str
    treated: Arm
    control: Arm
    verdict: str
    rate: Estimate | None
    ratio: Estimate | None
    money: Estimate | None
    share_p: float
    detectable: float | None

    @property
    def extra_buyers(self) -> float | None:
        """How many more bought than would have, by the estimate."""
        return None if self.rate is None else self.rate.value * self.treated.buyers.people


def compare(
    reader: FactReader, *, shop: Shop, outreach: Outreach, arms: dict[str, bool], window: Window
) -> Effect:
    """Return the effect among persons given with whether they are held out."""
    kind = money_kind(reader, shop=shop, before=window.ends_at)
    first, last = months(window)
    rows = reader.rows(
        _SPENT,
        {
            "shop": shop.slug,
            "kind": kind,
            "first": first,
            "last": last,
            "from": window.starts_at.isoformat(),
            "to": window.ends_at.isoformat(),
        },
        before=window.ends_at,
    )
    spent: dict[bool, list[int]] = {True: [], False: []}
    for key, amount in rows:
        if key in arms:
            spent[arms[key]].append(amount)
    held_out = sum(arms.values())
    treated = _arm(len(arms) - held_out, spent[False])
    control = _arm(held_out, spent[True])
    both = bool(treated.buyers.people and control.buyers.people)
    return Effect(
        window=window,
        money_basis="paid" if kind == "payment" else "ordered",
        treated=treated,
        control=control,
        verdict=verdict(treated.buyers, control.buyers),
        rate=rate_difference(treated.buyers, control.buyers) if both else None,
        ratio=rate_ratio(treated.buyers, control.buyers) if both else None,
        money=mean_difference(treated.money, control.money) if both else None,
        share_p=share_p(treated.buyers.people, control.buyers.people, outreach.control_bps),
        detectable=detectable_difference(
            control.buyers.rate, treated.buyers.people, control.buyers.people
        ),
    )


def _arm(people: int, amounts: list[int]) -> Arm:
    squares = float(sum(amount * amount for amount in amounts))
    return Arm(Count(len(amounts), people), Sums(people, float(sum(amounts)), squares))

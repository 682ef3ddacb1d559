"""What customers did today, counted from the facts for daily tasks."""

from collections.abc import Sequence
from datetime import datetime, time, timedelta

import msgspec

from springtide.domain.access.model import Shop
from springtide.domain.facts.model import months
from springtide.domain.facts.reader import FactReader
from springtide.domain.rewards.games.task import Task
from springtide.domain.rewards.model import Done
from springtide.kit.time import Window, at_wall_time

# The day's deeds are found once, then joined to those who ask. What a visitor did before they
# were known counts; what the same visitor did as somebody else does not. A browser says itself
# which visitor it is, so that brings in no orders: they count for whom they were placed.
_DEEDS = """
with asked as (
    select unnest($numbers::bigint[]) as number, unnest($customers::varchar[]) as customer,
           unnest($visitors::varchar[]) as visitor
), deeds as materialized (
    select customer_key, visitor_key,
           case when $by_order then order_key else product_key end as what
    from facts
    where shop = $shop and kind = $kind and month between $first_month and $last_month
      and occurred_at >= $starts_at::timestamptz and occurred_at < $ends_at::timestamptz
      and ($all_products or product_key in (select unnest($products::varchar[])))
)
select number, count(distinct what)
from (
    select number, what from deeds join asked on customer_key = customer
    union all
    select number, what from deeds join asked on visitor_key = visitor
    where customer_key is null and not $by_order
)
group by number
"""


class Person(msgspec.Struct, frozen=True):
    """Who asks: a customer, and the visitor that they are at this moment."""

    customer_key: str
    visitor_key: str | None = None


def done_today(
    reader: FactReader, *, shop: Shop, task: Task, people: Sequence[Person], now: datetime
) -> list[Done]:
    """Return how much of a task each did since midnight in the shop's zone, in order.

    Distinct products that were viewed, favourited or put in the cart; for orders, those that were
    paid today: an unpaid one would be given back after the reward is had.
    """
    day = now.astimezone(shop.tz).date()
    starts_at = at_wall_time(day, time(0), shop.tz)
    ends_at = at_wall_time(day + timedelta(days=1), time(0), shop.tz)
    first, last = months(Window(starts_at, ends_at))
    is_order = task.deed == "order"
    rows = reader.rows(
        _DEEDS,
        {
            "shop": shop.slug,
            "kind": "payment" if is_order else task.deed,
            "by_order": is_order,
            "numbers": list(range(len(people))),
            "customers": [person.customer_key for person in people],
            "visitors": [person.visitor_key for person in people],
            "products": list(task.products),
            "all_products": not task.products,
            "first_month": first,
            "last_month": last,
            "starts_at": starts_at.isoformat(),
            "ends_at": ends_at.isoformat(),
        },
        is_kept=False,
    )
    counts: dict[int, int] = dict(rows)
    return [Done(day, counts.get(number, 0)) for number in range(len(people))]

"""What a customer's page shows of today: how far their tasks are, which day of a streak it is."""

from typing import Annotated

from litestar import post
from msgspec import Meta, Struct

from springtide.api.claims import refuse_unstorable
from springtide.api.fields import CustomerKey, VisitorKey
from springtide.api.stated import customer_asking
from springtide.bootstrap import House
from springtide.domain.access.model import Caller, Key, Scope
from springtide.domain.rewards.daily_activity import Person
from springtide.domain.rewards.daily_progress import DailyProgress, daily_progress_of
from springtide.flows.checkout.customer_tokens import TOKEN_LENGTH_MAX


class TodayIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """Whose day; the visitor's key brings in what they did before they were known."""

    customer_key: CustomerKey | None = None
    customer_token: Annotated[str, Meta(max_length=TOKEN_LENGTH_MAX)] | None = None
    visitor_key: VisitorKey | None = None


class TodayItem(Struct, kw_only=True, omit_defaults=True):
    """One open task or check-in."""

    reward: str
    had: Annotated[bool, Meta(description="Whether it was claimed today.")]
    worth: Annotated[int, Meta(description="What it gives today.")]
    done: Annotated[
        int | None, Meta(description="Of a task: how much is done today, at most what is wanted.")
    ] = None
    wanted: Annotated[int | None, Meta(description="Of a task: how much is wanted.")] = None
    day: Annotated[
        int | None, Meta(description="Of a check-in: the day of the streak that today is.")
    ] = None


class TodayOut(Struct, kw_only=True):
    """The tasks and check-ins that are open at this moment."""

    customer_key: str
    items: list[TodayItem]


@post(
    "/v1/today",
    opt={"access": Key(Scope.CLAIMS_WRITE, publishable=True), "idempotency": "none"},
    status_code=200,
    sync_to_thread=True,
    tags=["claims"],
    operation_id="readToday",
    summary="Read how far a customer's tasks of today are",
)
def read_today(house: House, caller: Caller, data: TodayIn) -> TodayOut:
    """Return what is done of each open daily task, and which day of its streak a check-in is."""
    customer = customer_asking(house, caller, data.customer_key, data.customer_token)
    refuse_unstorable(visitor_key=data.visitor_key, customer_key=customer)
    person = Person(customer, data.visitor_key)
    found = daily_progress_of(
        house.db,
        lambda: house.facts,
        shop=caller.shop,
        person=person,
        now=house.now(caller.shop),
    )
    return TodayOut(customer_key=customer, items=[_item(each) for each in found])


def _item(each: DailyProgress) -> TodayItem:
    return TodayItem(
        reward=each.reward.key,
        had=each.is_had,
        worth=each.worth,
        done=each.done if each.wanted else None,
        wanted=each.wanted or None,
        day=each.day or None,
    )


routes = [read_today]

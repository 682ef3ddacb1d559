"""Simulated browsing."""

from datetime import UTC, datetime, timedelta

from springtide.demo.simulator import Basket, Browsing, browse

START = datetime(2017, 12, 23, 5, tzinfo=UTC)
END = START + timedelta(days=1)
HOUSEHOLDS = [str(number) for number in range(100)]
POPULAR = [f"p{number}" for number in range(50)]
BASKETS = [
    Basket(f"b{number}", str(number % 60), START + timedelta(minutes=30 + 13 * number), ("a", "b"))
    for number in range(100)
]


def day(baskets: list[Basket], name: str = "2017-12-23") -> list[Browsing]:
    return browse(
        baskets, name=name, households=HOUSEHOLDS, popular=POPULAR, starts_at=START, ends_at=END
    )


def test_the_same_day_is_simulated_the_same_again_whatever_the_order_of_baskets() -> None:
    assert day(BASKETS) == day(BASKETS[::-1])
    assert day(BASKETS) != day(BASKETS, "2017-12-24")


def test_every_event_has_its_own_key_and_lies_within_the_day() -> None:
    events = day(BASKETS)
    assert len({event.key for event in events}) == len(events)
    assert all(START <= event.occurred_at < END for event in events)
    assert [event.occurred_at for event in events] == sorted(e.occurred_at for e in events)


def test_every_buyer_looks_before_the_order() -> None:
    events = day(BASKETS)
    for basket in BASKETS:
        assert any(
            event.kind == "view"
            and event.customer_key == basket.customer_key
            and event.occurred_at < basket.placed_at
            for event in events
        )


def test_far_more_people_look_than_buy() -> None:
    events = day(BASKETS)
    visitors = {event.customer_key or event.visitor_key for event in events}
    buyers = {basket.customer_key for basket in BASKETS}
    assert 2 * len(buyers) < len(visitors) < 8 * len(buyers)
    assert {event.kind for event in events} == {"view", "favourite", "cart"}

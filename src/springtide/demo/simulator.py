"""Browsing that the data does not have, made from its real orders with a fixed seed.

Every buyer looks around before the order, and for each buyer some others look and leave. What
comes out is marked as simulated wherever it goes.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

SEED = 20171223
#: The kinds of events that are made up.
KINDS = ("view", "favourite", "cart")
#: For each buyer of a day so many others look and leave, which sets conversion near 1 in 4.
LOOKERS_PER_BUYER = 3
#: Of the lookers so many are known households; the others are devices nobody knows.
KNOWN_SHARE = 0.35
VIEWS_PER_BUYER_MAX = 12

#: Where visits come from, with weights: a taxonomy of the demo's own, levels joined by "/".
SOURCES = (
    ("free/search", 38), ("free/home", 18), ("own/cart", 12), ("own/direct", 12),
    ("paid/search ads", 14), ("outside/email", 6),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Basket:
    """One real order: who, when, which products."""

    key: str
    customer_key: str
    placed_at: datetime
    product_keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Browsing:
    """One simulated view, favourite or cart event; ``key`` is the same at every run."""

    key: str
    kind: str
    occurred_at: datetime
    visitor_key: str
    customer_key: str | None
    product_key: str
    source_path: str


def browse(
    baskets: Sequence[Basket],
    *,
    name: str,
    households: Sequence[str],
    popular: Sequence[str],
    starts_at: datetime,
    ends_at: datetime,
    lookers_per_buyer: int = LOOKERS_PER_BUYER,
) -> list[Browsing]:
    """Return a day's browsing in order of time; the same arguments give the same events.

    ``name`` names the day and seeds it; ``popular`` are products that lookers find, best first.
    """
    rng = random.Random(f"{SEED}/{name}")  # noqa: S311 - a simulation, seeded on purpose
    made: list[Browsing] = []
    for basket in sorted(baskets, key=lambda basket: (basket.placed_at, basket.key)):
        made.extend(_before_an_order(basket, rng, popular))
        for number in range(lookers_per_buyer):
            made.extend(_a_look(f"{basket.key}-{number}", basket, rng, households, popular))
    kept = [event for event in made if starts_at <= event.occurred_at < ends_at]
    return sorted(kept, key=lambda event: (event.occurred_at, event.key))


def _before_an_order(
    basket: Basket, rng: random.Random, popular: Sequence[str]
) -> Iterator[Browsing]:
    visitor = f"v-{basket.customer_key}"
    source = _source(rng)
    at = basket.placed_at - timedelta(minutes=rng.uniform(4, 40))
    span = basket.placed_at - at
    wanted = list(basket.product_keys)
    rng.shuffle(wanted)
    seen = wanted[:VIEWS_PER_BUYER_MAX] + [_popular(rng, popular) for _ in range(rng.randrange(4))]
    for number, product in enumerate(seen):
        when = at + span * (number / (len(seen) + 1))
        key = f"{basket.key}-b{number}"
        yield Browsing(f"view-{key}", "view", when, visitor, basket.customer_key, product, source)
        if number < len(wanted) and rng.random() < 0.7:
            later = when + span * (0.5 / (len(seen) + 1))
            yield Browsing(
                f"cart-{key}", "cart", later, visitor, basket.customer_key, product, source
            )
        elif rng.random() < 0.12:
            yield Browsing(
                f"favourite-{key}", "favourite", when + timedelta(seconds=5), visitor,
                basket.customer_key, product, source,
            )  # fmt: skip


def _a_look(
    key: str,
    basket: Basket,
    rng: random.Random,
    households: Sequence[str],
    popular: Sequence[str],
) -> Iterator[Browsing]:
    customer = rng.choice(households) if households and rng.random() < KNOWN_SHARE else None
    visitor = f"v-{customer}" if customer else f"v-anon-{key}"
    source = _source(rng)
    at = basket.placed_at + timedelta(minutes=rng.gauss(0, 75))
    for number in range(1 + min(int(rng.expovariate(0.7)), 6)):
        product = _popular(rng, popular)
        at += timedelta(seconds=rng.uniform(8, 120))
        yield Browsing(f"view-{key}-{number}", "view", at, visitor, customer, product, source)
        draw = rng.random()
        if draw < 0.10:
            kind = "favourite" if draw < 0.04 else "cart"
            yield Browsing(
                f"{kind}-{key}-{number}", kind, at + timedelta(seconds=4), visitor, customer,
                product, source,
            )  # fmt: skip


def _popular(rng: random.Random, popular: Sequence[str]) -> str:
    # Squared, so that the first of the list is seen far more often than the last.
    return popular[int(rng.random() ** 2 * len(popular))]


def _source(rng: random.Random) -> str:
    names = [name for name, _ in SOURCES]
    return rng.choices(names, [weight for _, weight in SOURCES])[0]

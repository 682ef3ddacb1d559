"""Questions to the demo shop's past: prices, best sellers, one day's baskets."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from springtide.demo import story
from springtide.demo.simulator import Basket
from springtide.domain.board.queries import day_window
from springtide.domain.facts.reader import FactReader
from springtide.domain.pricing.book import BookPrice
from springtide.kit.money import share_bps

#: Fuel comes in thousandths of a gallon: so many "pieces" are one fill.
PIECES_MAX = 97

_PIECES = f"case when quantity > {PIECES_MAX} then 1 else quantity end"

#: Median price of a piece, before discounts, over each product's last eight weeks with sales.
_PRICES = f"""
with lines as (
    select product_key, date_trunc('week', occurred_at) as week,
           (amount_minor + discount_minor) / ({_PIECES}) as unit_minor
    from facts
    where shop = $shop and kind = 'order' and source = $source
      and quantity > 0 and amount_minor + discount_minor > 0
), recent as (
    select product_key, unit_minor,
           dense_rank() over (partition by product_key order by week desc) as age
    from lines
)
select product_key, cast(round(median(unit_minor)) as bigint) as regular_minor
from recent where age <= 8
group by product_key having median(unit_minor) >= 1
order by product_key
"""

_BEST_SELLERS = f"""
select product_key, count(distinct customer_key) as buyers
from facts
where shop = $shop and kind = 'payment' and source = $source
  and occurred_at >= to_timestamp($since) and occurred_at < to_timestamp($till)
  and quantity <= {PIECES_MAX}
group by product_key order by buyers desc, product_key limit $most
"""

_LINES = f"""
select order_key, customer_key, epoch_us(occurred_at), product_key, sum({_PIECES})
from facts
where shop = $shop and kind = 'order' and source = $source
  and occurred_at >= to_timestamp($since) and occurred_at < to_timestamp($till) and quantity > 0
group by all order by 3, order_key, product_key
"""

_CUSTOMERS = """
select distinct customer_key from facts
where shop = $shop and source = $source and customer_key is not null order by customer_key
"""


@dataclass(frozen=True, slots=True)
class RealOrder:
    """One order of the real day: who, when, and how many pieces of what."""

    key: str
    customer_key: str
    placed_at: datetime
    lines: tuple[tuple[str, int], ...]

    @property
    def basket(self) -> Basket:
        """The order as the simulator takes it."""
        return Basket(
            self.key, self.customer_key, self.placed_at, tuple(key for key, _ in self.lines)
        )


def regular_prices(reader: FactReader) -> dict[str, BookPrice]:
    """Return the price book: regular prices from the past, floors at 70 % of them."""
    rows = reader.rows(_PRICES, {"shop": story.SLUG, "source": story.SOURCE})
    return {
        key: BookPrice(int(regular), share_bps(int(regular), story.FLOOR_BPS))
        for key, regular in rows
    }


def best_sellers(reader: FactReader, *, last: date, days: int, most: int) -> list[str]:
    """Return the products with the most buyers in the days up to ``last``."""
    since = day_window(last - timedelta(days=days - 1), story.TZ).starts_at
    till = day_window(last, story.TZ).ends_at
    rows = reader.rows(_BEST_SELLERS, _between(since, till) | {"most": most})
    return [key for key, _ in rows]


def orders_of_day(reader: FactReader, day: date) -> list[RealOrder]:
    """Return the real orders of a day in the order in which they were placed."""
    window = day_window(day, story.TZ)
    found: dict[str, RealOrder] = {}
    for key, customer, at_us, product, pieces in reader.rows(
        _LINES, _between(window.starts_at, window.ends_at)
    ):
        placed_at = datetime.fromtimestamp(0, UTC) + timedelta(microseconds=at_us)
        before = found.get(key)
        lines = (*before.lines, (product, int(pieces))) if before else ((product, int(pieces)),)
        found[key] = RealOrder(key, customer, before.placed_at if before else placed_at, lines)
    return list(found.values())


def households(reader: FactReader) -> list[str]:
    """Return the keys of everyone who ever bought."""
    rows = reader.rows(_CUSTOMERS, {"shop": story.SLUG, "source": story.SOURCE})
    return [key for (key,) in rows]


def _between(since: datetime, till: datetime) -> dict[str, object]:
    return {
        "shop": story.SLUG,
        "source": story.SOURCE,
        "since": int(since.timestamp()),
        "till": int(till.timestamp()),
    }

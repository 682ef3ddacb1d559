"""What the demo is about: one shop, one year of real purchases, one sale day re-enacted."""

from datetime import date, datetime, time
from zoneinfo import ZoneInfo

from springtide.domain.access.model import Actor, Role
from springtide.kit.time import at_wall_time

SLUG = "demo"
NAME = "Complete Journey"
CURRENCY = "USD"
ZONE = "America/New_York"
#: The import's source, and the package whose tables it reads.
SOURCE = "completejourney"
PASSWORD = "springtide-demo-shop"  # noqa: S105 - printed at every start: a demo's
PEOPLE = {
    Role.OWNER: ("owner@demo.example", "Olivia Chen"),
    Role.OPERATIONS: ("operations@demo.example", "Ming Zhao"),
    Role.CUSTOMER_SERVICE: ("service@demo.example", "Ravi Patel"),
    Role.DESIGN: ("design@demo.example", "Lena Fischer"),
    Role.WAREHOUSE: ("warehouse@demo.example", "Tom Baker"),
}
ACTOR = Actor("command", "demo", "springtide demo")

#: The sale, and the real Saturday whose orders it re-enacts.
CAMPAIGN = "New Year Super Day · 新年超级大促"
SALE_DAY = date(2018, 1, 6)
REAL_DAY = date(2017, 12, 23)
#: The last day of the purchases, and how many days before it get simulated browsing.
LAST_DAY = date(2017, 12, 31)
BROWSED_DAYS = 28
#: Goals are the comparable Saturdays' average times this.
GOAL_BPS = 13_000
HEROES = 8
#: Departments that make no hero: fuel is sold by the gallon, the other is a catch-all.
NO_HEROES = ("FUEL", "MISCELLANEOUS", "KIOSK-GAS")
HERO_PRICE_BPS = 8_500
FLOOR_BPS = 7_000
#: Thresholds and discounts of the ladder, in minor units.
LADDER = ((6_000, 300), (16_900, 1_000), (29_900, 2_000))
CONTACTED_TIERS = (
    "At Risk",
    "Can't Lose Them",
    "Need Attention",
    "About To Sleep",
    "Loyal Customers",
)

TZ = ZoneInfo(ZONE)
#: Where the shop's clock stands when the demo is built, and when the letter goes out.
OPENS_AT: datetime = at_wall_time(date(2018, 1, 1), time(9), TZ)
LETTER_AT: datetime = at_wall_time(date(2018, 1, 2), time(10), TZ)
#: When the shop's prices of the old year were taken down into its price book.
BOOK_AT: datetime = at_wall_time(date(2018, 1, 1), time(8), TZ)

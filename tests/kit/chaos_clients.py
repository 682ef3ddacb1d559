"""Customers and a merchant who go on through everything, and remember what they were told."""

import http.client
import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

from springtide.domain.access.act import Act
from springtide.domain.access.model import Scope
from springtide.flows.actions.import_file import ImportFile
from springtide.flows.files import pending
from springtide.flows.timeline import planning
from springtide.flows.timeline.model import OPEN_STATES
from springtide.kit.outage import outage_of
from tests.kit.clocks import WallClock
from tests.kit.house import TestHouse, key_in, shop_in
from tests.kit.rewards import RULE, published
from tests.kit.running import Heard, ask
from tests.kit.sales import Sale, plan_sale
from tests.kit.shops import ACTOR
from tests.kit.storefront import stock_shelves

T = TypeVar("T")
STOCK = 1_000_000
DRAW = {"prizes": [{"name": "cup", "what": "gift", "stock": 500, "odds_ppm": 100_000}]}
ROWS_OF_A_FILE = 25
LETTERS = 60
FILES_WAITING_MAX = 5


@dataclass
class Told:
    """What was acknowledged, by the key under which it was asked."""

    claims: dict[str, dict[str, Any]] = field(default_factory=dict)
    orders: dict[str, dict[str, Any]] = field(default_factory=dict)
    payments: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: set[str] = field(default_factory=set)
    files: dict[str, list[str]] = field(default_factory=dict)
    refused: Counter[str] = field(default_factory=Counter)
    unavailable: Counter[str] = field(default_factory=Counter)
    #: Answers that must not be: 500 and what is no document.
    faults: list[str] = field(default_factory=list)

    @property
    def count(self) -> int:
        """How much was acknowledged in all."""
        files = sum(map(len, self.files.values()))
        return sum(map(len, (self.claims, self.orders, self.payments, self.events))) + files


def insist(do: Callable[[], T]) -> T:
    """Do it till the database takes it; any other failure is raised."""
    while True:
        try:
            return do()
        except Exception as error:
            if outage_of(error) is None:
                raise
            time.sleep(0.2)


class Market:
    """A shop, its sales, and the threads that use it till they are told to stop."""

    def __init__(self, house: TestHouse, ports: list[int], *, clock: WallClock, seed: int) -> None:
        self.house, self.ports, self.clock, self.seed = house, ports, clock, seed
        self.told = Told()
        self.shop = shop_in(house)
        scopes = (Scope.CLAIMS_WRITE, Scope.ORDERS_WRITE, Scope.EVENTS_WRITE, Scope.READ)
        self.token = key_in(house, self.shop, *scopes)
        # Open through every step of the clock.
        early = house.clock - timedelta(days=4)
        open_for: dict[str, Any] = {"now": early, "hours": 24 * 9, "quantity": STOCK}
        self.rewards = [
            published(house.db, self.shop, "coupon", {"rule": RULE}, **open_for),
            published(house.db, self.shop, "draw", DRAW, per_customer=None, **open_for),
        ]
        stock_shelves(house.db, self.shop, now=early)
        self.sales: list[Sale] = []
        self._stop = threading.Event()
        jobs = (self._claim, self._claim, self._order, self._send_events, self._import)
        self._threads = [
            threading.Thread(target=self._keep, args=(number, job), daemon=True)
            for number, job in enumerate(jobs)
        ]
        self._failed: list[BaseException] = []

    def open(self) -> None:
        """Let everybody begin."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Let everybody finish what they are at."""
        self._stop.set()
        for thread in self._threads:
            thread.join(120)
            assert not thread.is_alive()
        if self._failed:
            raise self._failed[0]

    def begin_sale(self) -> Sale:
        """Plan one more sale with its letters; they go out at once."""
        real = self.house.real_now()
        sale = insist(lambda: plan_sale(self.house.db, real=real, customer_count=LETTERS))
        self.sales.append(sale)
        campaign = insist(lambda: sale.campaign)

        def plan() -> None:
            with self.house.db.write() as tx:
                shop = sale.shop
                now = shop.now(real)
                planning.schedule(Act.of(tx, shop, ACTOR, now), campaign=campaign)
                planning.plan_outreach(
                    Act.of(tx, shop, ACTOR, now),
                    campaign=campaign,
                    outreach_id=sale.outreach_id,
                    at=now,
                )

        early = campaign.selling.starts_at - timedelta(hours=2)
        insist(lambda: sale.set_clock(early, real=real))
        insist(plan)
        return sale

    def is_sent(self, sale: Sale) -> bool:
        """Tell whether the letters of a sale are out."""

        def look() -> bool:
            with self.house.db.read() as tx:
                found = planning.actions_of(tx, shop_id=sale.shop_id, campaign_id=sale.campaign_id)
            return any(
                each.kind == planning.SEND_OUTREACH and each.state not in OPEN_STATES
                for each in found
            )

        return insist(look)

    def _keep(self, number: int, job: Callable[[str, random.Random], None]) -> None:
        dice = random.Random(f"{self.seed}-{number}")
        try:
            for turn in itertools.count():
                if self._stop.is_set():
                    return
                job(f"{number}-{turn}", dice)
        except BaseException as error:
            self._failed.append(error)

    def _claim(self, key: str, dice: random.Random) -> None:
        reward = dice.choice(self.rewards)
        body = {"reward": reward.key, "customer_key": f"c{key}"}
        heard = self._ask("/v1/claims", body, f"claim-{key}", dice)
        if heard.status == 201:
            self.told.claims[f"claim-{key}"] = heard.document

    def _order(self, key: str, dice: random.Random) -> None:
        lines = [{"product_key": dice.choice(("tea", "cup")), "quantity": dice.randint(1, 3)}]
        body = {"key": f"o-{key}", "customer_key": f"c{key}", "lines": lines}
        heard = self._ask("/v1/orders", body, f"order-{key}", dice)
        if heard.status != 201:
            return
        self.told.orders[f"o-{key}"] = heard.document
        body = {"payment_key": f"p-{key}", "amount_minor": heard.document["total_minor"]}
        heard = self._ask(f"/v1/orders/o-{key}/payments", body, f"pay-{key}", dice)
        if heard.status == 200:
            self.told.payments[f"o-{key}"] = heard.document

    def _send_events(self, key: str, dice: random.Random) -> None:
        ids = [f"e-{key}-{number}" for number in range(dice.randint(1, 20))]
        events = [{"kind": "view", "id": each, "visitor_key": f"v{key}"} for each in ids]
        heard = self._ask("/v1/events", {"events": events}, None, dice)
        if heard.status == 200:
            self.told.events |= set(ids)
        time.sleep(0.1)

    def _import(self, key: str, _dice: random.Random) -> None:
        """Hand a file of orders to the worker, as the data page does; not too many at once."""
        if insist(self._waiting_files) > FILES_WAITING_MAX:
            self._stop.wait(1)
            return
        name = f"imp-{key}"
        ids = [f"{name}-{row}" for row in range(ROWS_OF_A_FILE)]
        rows = [f"{each},2025-11-0{1 + place % 9},{place + 1}.50" for place, each in enumerate(ids)]
        called, text = f"{name}.csv", "\n".join(["order_id,date,amount", *rows]) + "\n"

        def upload() -> str:
            path = pending.new_place(self.house.settings.uploads, self.shop.id, called)
            path.write_text(text)
            return pending.key_of(path)

        params = {"files": [{"upload": insist(upload), "name": called}], "file_name": called}

        def hand_over() -> None:
            # By the clock that the servers have, which may be ahead.
            now = self.house.real_now() + timedelta(seconds=self.clock.offset)
            with self.house.db.write() as tx:
                planning.enqueue(
                    Act.of(tx, self.shop, ACTOR, now),
                    kind=ImportFile.kind,
                    params=params,
                    target=name,
                )

        insist(hand_over)
        self.told.files[name] = ids
        self._stop.wait(4)

    def _waiting_files(self) -> int:
        with self.house.db.read() as tx:
            jobs = planning.jobs_of(tx, shop_id=self.shop.id, kinds=[ImportFile.kind], limit=1_000)
        return sum(job.state in OPEN_STATES for job in jobs)

    def _ask(self, path: str, body: object, key: str | None, dice: random.Random) -> Heard:
        """Ask any of the servers till one answers; what is unavailable is asked again."""
        headers = {"Authorization": f"Bearer {self.token}"}
        if key is not None:
            headers["Idempotency-Key"] = key
        while True:
            try:
                heard = ask(dice.choice(self.ports), "POST", path, body, headers=headers)
                document = heard.document
            except (OSError, http.client.HTTPException, ValueError) as error:
                self.told.unavailable[type(error).__name__] += 1
                time.sleep(0.02)
                continue
            if heard.status in (503, 429):
                self.told.unavailable[document["code"]] += 1
                time.sleep(0.1)
                continue
            if heard.status >= 500:
                self.told.faults.append(f"{path}: {heard.status} {document}")
                time.sleep(0.1)
                continue
            if heard.status >= 400:
                self.told.refused[document["code"]] += 1
            return heard

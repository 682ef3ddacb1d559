"""Re-enacts the real day on the demo shop's accelerated clock, through the public API.

The clock never runs away from the replay: it may go on only to a little after the next call, so
a replay that is killed, or a slow machine, stops the shop's time until the replay goes on. Keys
come from the baskets, so whatever was done before is not done twice.
"""

import fcntl
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import httpx

from springtide.demo import campaign, history, story
from springtide.demo.build import browsing_of_day, demo_shop, is_built, secret_key
from springtide.demo.script import Call, browsing_calls, order_calls
from springtide.domain.access import operations as access
from springtide.domain.access.act import Act
from springtide.domain.board.queries import values
from springtide.domain.campaigns.model import Campaign
from springtide.domain.catalog.queries import products_by_keys
from springtide.domain.pricing.queries import book_prices
from springtide.flows.timeline import planning
from springtide.flows.timeline.action import Surroundings
from springtide.flows.timeline.model import OPEN_STATES, Action
from springtide.flows.timeline.worker_slots import is_worker_alive
from springtide.kit.errors import N_, PassingError, Refusal
from springtide.kit.time import SimulatedClock

SPEED = 600.0
#: The real day lies so long before the sale day: the same weekday.
MOVED_BY = story.SALE_DAY - story.REAL_DAY
#: How far the clock may run past the next call.
LEASE = timedelta(minutes=40)
WARM_UP_DAYS = 6
#: Where the clock rests after the sale: the next morning.
RESTS_AFTER = timedelta(hours=9)
_LOOK_SECONDS = 0.05
_ACTION_SECONDS = 300
_TRIES = 8


class NotBuilt(Refusal):
    """There is no demo shop to run a day in."""

    code = "demo_not_built"
    text = N_("The demo shop is not built yet: run “springtide demo build” first.")


class NoServer(Refusal):
    """Nothing answers at the address of the API."""

    code = "demo_no_server"
    text = N_("No server answers at {url}: start it with “springtide demo run”.")


class NoWorker(Refusal):
    """No worker carries the timeline out."""

    code = "demo_no_worker"
    text = N_("No worker is running: start one with “springtide worker” or “springtide demo run”.")


class DayOver(Refusal):
    """The demo's sale day has been run."""

    code = "demo_day_over"
    text = N_("The sale day is over. For another one, build the demo in a new data folder.")


class DayRunning(Refusal):
    """Another process runs the day; two would pull at one clock."""

    code = "demo_day_running"
    status = 409
    text = N_("The sale day is running already; wait until it is over, or stop it first.")


class CallRefused(Refusal):
    """The API refused what the replay sent."""

    code = "demo_call_refused"
    text = N_("The API refused {path} with {status}: {detail}")


class Watcher(Protocol):
    """Who follows a replay: told how far it is, and asked to wait (which may interrupt it)."""

    def report(self, stage: str, done: int, total: int) -> None:
        """Take note: so much of the stage is done."""

    def wait(self, seconds: float) -> None:
        """Wait in real time."""


@dataclass(frozen=True, slots=True)
class Closing:
    """What the day came to: what was sent, and what the board says of it."""

    orders_sent: int
    payments_sent: int
    board: dict[str, int | None]


@dataclass
class Replay:
    """One run of the day; everything it needs is found again by a later run."""

    house: Surroundings
    watcher: Watcher
    client: httpx.Client
    speed: float = SPEED

    def run(self) -> Closing:
        """Run the day from where it stands; return what it came to."""
        sale = self._sale()
        with alone(self.house.settings.data):
            self._warm_up(sale)
            calls = self._calls(sale)
            self._play(sale, calls)
            self._close(sale)
        shop = demo_shop(self.house)
        found = values(self.house.facts, shop=shop.slug, window=sale.selling)
        return Closing(
            orders_sent=sum(call.what == "order" for call in calls),
            payments_sent=sum(call.what == "payment" for call in calls),
            board={kind: value.amount for kind, value in found.items()},
        )

    def _sale(self) -> Campaign:
        sale = campaign.find(self.house, demo_shop(self.house))
        if sale is None:
            raise NotBuilt
        if sale.withdrawn_at is not None or self._now() >= sale.selling.ends_at:
            raise DayOver
        return sale

    def _now(self) -> datetime:
        return self.house.now(demo_shop(self.house))

    def _warm_up(self, sale: Campaign) -> None:
        """Bring the clock from action to action till the sale opens; send the week's browsing."""
        opens_at = sale.selling.starts_at
        if self._now() >= opens_at:
            return
        for action in self._open_actions(sale):
            if action.due_at < opens_at:
                self._stand_at(max(action.due_at, self._now()))
                self._wait_for(sale, lambda one: one.due_at < opens_at)
        self._stand_at(opens_at - timedelta(seconds=1))
        calls = self._warm_up_calls()
        for number, call in enumerate(calls, 1):
            self._send(call)
            self.watcher.report("warm-up", number, len(calls))
        self._stand_at(opens_at)
        self._wait_for(sale, lambda one: one.due_at <= opens_at)

    def _warm_up_calls(self) -> list[Call]:
        calls: list[Call] = []
        for before in range(WARM_UP_DAYS, 0, -1):
            day = story.REAL_DAY - timedelta(days=before)
            events = browsing_of_day(self.house, day, **self._people())
            name = f"warm-up-{day + MOVED_BY}"
            calls += browsing_calls(events, name=name, moved_by=MOVED_BY, at_once=True)
        return calls

    def _people(self) -> dict[str, Sequence[str]]:
        facts = self.house.facts
        popular = history.best_sellers(facts, last=story.LAST_DAY, days=56, most=400)
        return {"households": history.households(facts), "popular": popular}

    def _calls(self, sale: Campaign) -> list[Call]:
        orders = history.orders_of_day(self.house.facts, story.REAL_DAY)
        keys = {product for order in orders for product, _ in order.lines}
        shop = demo_shop(self.house)
        with self.house.db.read() as tx:
            priced = book_prices(tx, shop_id=shop.id, keys=keys)
            sold = frozenset(priced) & frozenset(products_by_keys(tx, shop_id=shop.id, keys=keys))
        events = browsing_of_day(self.house, story.REAL_DAY, **self._people())
        calls = [
            *order_calls(orders, moved_by=MOVED_BY, selling=sale.selling, sold=sold),
            *browsing_calls(events, name=f"day-{sale.day}", moved_by=MOVED_BY),
        ]
        return sorted(calls, key=lambda call: (call.at, call.key))

    def _play(self, sale: Campaign, calls: Sequence[Call]) -> None:
        granted = self._now()
        for number, call in enumerate(calls, 1):
            if call.at + LEASE / 2 > granted:
                granted = min(call.at + LEASE, sale.selling.ends_at - timedelta(seconds=1))
                self._run_until(granted)
            while self._now() < min(call.at, granted):
                self.watcher.wait(_LOOK_SECONDS)
            self._send(call)
            self.watcher.report("day", number, len(calls))

    def _close(self, sale: Campaign) -> None:
        """Let the day end, wait for the withdrawal, and rest the next morning."""
        self._run_until(sale.selling.ends_at + timedelta(minutes=1))
        while self._now() < sale.selling.ends_at:
            self.watcher.wait(_LOOK_SECONDS)
        self._wait_for(sale, lambda one: one.due_at <= sale.selling.ends_at)
        self._stand_at(sale.selling.ends_at + RESTS_AFTER)

    def _open_actions(self, sale: Campaign) -> list[Action]:
        with self.house.db.read() as tx:
            found = planning.actions_of(tx, shop_id=sale.shop_id, campaign_id=sale.id)
        return [action for action in found if action.state in OPEN_STATES]

    def _wait_for(self, sale: Campaign, is_meant: Callable[[Action], bool]) -> None:
        waited = 0.0
        while any(is_meant(action) for action in self._open_actions(sale)):
            self.watcher.wait(_LOOK_SECONDS)
            waited += _LOOK_SECONDS
            if waited > _ACTION_SECONDS:
                raise NoWorker

    def _stand_at(self, instant: datetime) -> None:
        self._set_clock(SimulatedClock(shows=instant, set_at=self.house.real_now()))

    def _run_until(self, instant: datetime) -> None:
        real = self.house.real_now()
        shows = demo_shop(self.house).now(real)
        self._set_clock(SimulatedClock(shows, real, self.speed, max(instant, shows)))

    def _set_clock(self, clock: SimulatedClock) -> None:
        with self.house.db.write() as tx:
            access.set_clock(
                Act(tx, demo_shop(self.house), story.ACTOR, clock.set_at, clock.set_at), clock=clock
            )

    def _send(self, call: Call) -> None:
        """Send a call until it is answered; what was done by an earlier run counts as done."""
        for attempt in range(_TRIES):
            try:
                answer = self.client.post(
                    call.path, json=call.body, headers={"Idempotency-Key": call.key}
                )
            except httpx.TransportError:
                self.watcher.wait(0.25 * 2**attempt)
                continue
            if answer.status_code == 429 or answer.status_code >= 500:
                self.watcher.wait(0.25 * 2**attempt)
                continue
            if answer.is_success or _was_done_before(answer):
                return
            raise CallRefused(path=call.path, status=answer.status_code, detail=answer.text[:300])
        raise PassingError(f"no answer to {call.path}")


@contextmanager
def alone(data: Path) -> Iterator[None]:
    """Be the only one who runs the day over a data folder (``DayRunning``), to the block's end.

    The lock ends with its process, however that ends.
    """
    with (data / "demo-day.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DayRunning from None
        yield


def refuse_unready(house: Surroundings, base_url: str) -> None:
    """Refuse when there is no demo shop, no server or no worker."""
    if not is_built(house):
        raise NotBuilt
    try:
        httpx.get(f"{base_url}/readyz", timeout=5).raise_for_status()
    except httpx.HTTPError as error:
        raise NoServer(url=base_url) from error
    with house.db.read() as tx:
        if not is_worker_alive(tx, real_now=house.real_now()):
            raise NoWorker


def client_for(house: Surroundings, base_url: str) -> httpx.Client:
    """Return an HTTP client with the demo shop's secret key, connections kept open."""
    return httpx.Client(
        base_url=base_url,
        headers={"Authorization": f"Bearer {secret_key(house)}"},
        timeout=httpx.Timeout(30),
    )


def _was_done_before(answer: httpx.Response) -> bool:
    if answer.status_code != 409:
        return False
    problem: dict[str, Any] = answer.json()
    codes = ("order_key_taken", "order_paid", "order_closed")
    return any(code in str(problem.get("code", problem.get("type", ""))) for code in codes)

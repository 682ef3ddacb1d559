"""A night on which all fails: processes killed, disk full, database away, clocks that step.

What happens is a plan made of a seed: the same seed is the same night. Only processes that this
module started are touched.
"""

import random
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from signal import SIGCONT, SIGSTOP

from springtide.connectors.channels.mailbox import Mailbox
from springtide.flows.timeline import worker_slots
from springtide.kit.db import Database
from springtide.migrations import migrate
from tests.kit import postgres
from tests.kit.chaos_checks import check_all, open_work
from tests.kit.chaos_clients import Market, Told, insist
from tests.kit.clocks import WallClock
from tests.kit.disks import SmallDisk, small_disk
from tests.kit.fork_server import ForkServer, fork_server
from tests.kit.house import TestHouse, settings_in
from tests.kit.mail import mail_sink
from tests.kit.postgres import Cluster
from tests.kit.running import environment_of, wait_until
from tests.kit.sales import Sale
from tests.kit.workers import Workers

#: All must be through so long after the last trouble, without a hand.
HEAL_SECONDS = 120
#: A worker stands still for longer than the others wait for it.
FROZEN_SECONDS = worker_slots.SILENCE_MAX.total_seconds() + 3
AWAY_SECONDS, FULL_SECONDS = 4.0, 3.0
STEPS = (-86_400, -600, -90, 90, 600, 86_400)
KILLS = ("server", "worker", "backend", "postmaster")
DISK_MEGABYTES = 400


class TestClockHouse(TestHouse):
    """A house of the bench itself, which has the real clock."""

    def real_now(self) -> datetime:
        """Return the real instant."""
        return datetime.now(UTC)  # noqa: TID251 - processes beside it have a clock that runs


@dataclass(frozen=True, slots=True)
class Move:
    """One trouble, after a pause of some seconds."""

    kind: str
    pause: float
    number: int = 0


@dataclass
class Night:
    """What came of a night."""

    told: Told
    moves: Counter[str] = field(default_factory=Counter)
    heal_seconds: float = 0.0
    seconds: float = 0.0

    @property
    def kills(self) -> int:
        """How many processes were killed with -9."""
        return sum(self.moves[kind] for kind in KILLS)


def moves(*, seed: int, kills: int, others: int, is_sqlite: bool) -> list[Move]:
    """Return the plan of a night: so many kills, and each other trouble so often."""
    dice = random.Random(seed)
    kinds = ("server", "worker") if is_sqlite else ("server", "worker", "backend", "postmaster")
    weights = (5, 4) if is_sqlite else (5, 4, 2, 1)
    drawn = [*kinds, *dice.choices(kinds, weights, k=kills)][:kills]
    drawn += ["full", "frozen", "clock", "clock"] * others + ["away"] * (0 if is_sqlite else others)
    dice.shuffle(drawn)
    return [Move(kind, dice.uniform(0.02, 0.8), dice.randrange(1_000)) for kind in drawn]


@dataclass
class Stage:
    """All that runs on this night."""

    market: Market
    servers: list[ForkServer]
    workers: Workers
    disk: SmallDisk
    clock: WallClock
    cluster: Cluster | None

    def make(self, move: Move) -> None:
        """Let one trouble happen, and end."""
        getattr(self, f"_{move.kind}")(move.number)

    def _server(self, number: int) -> None:
        server = self.servers[number % len(self.servers)]
        server.kill()
        server.start()

    def _worker(self, number: int) -> None:
        pid = self.workers.alive[number % len(self.workers.alive)]
        self.workers.kill(pid)
        self.workers.start()

    def _backend(self, number: int) -> None:
        assert self.cluster is not None
        self.cluster.kill_backend(lambda pids: pids[number % len(pids)])
        self.cluster.wait()

    def _postmaster(self, _number: int) -> None:
        assert self.cluster is not None
        self.cluster.kill()
        self.cluster.start()

    def _away(self, number: int) -> None:
        assert self.cluster is not None
        self.cluster.stop("immediate" if number % 2 else "fast")
        time.sleep(AWAY_SECONDS)
        self.cluster.start()

    def _full(self, _number: int) -> None:
        self.disk.fill()
        time.sleep(FULL_SECONDS)
        self.disk.empty()
        if self.cluster is not None and not self.cluster.is_running():
            # A server that could not write its log has ended; whoever watches it starts it again.
            self.cluster.start()

    def _frozen(self, number: int) -> None:
        pid = self.workers.alive[number % len(self.workers.alive)]
        self.workers.send(pid, SIGSTOP)
        time.sleep(FROZEN_SECONDS)
        self.workers.send(pid, SIGCONT)

    def _clock(self, number: int) -> None:
        self.clock.step(0 if self.clock.offset else STEPS[number % len(STEPS)])

    def calm(self) -> None:
        """Let nothing happen any more; hold that all workers are there by themselves."""
        self.clock.step(0)
        assert len(self.workers.running()) == len(self.workers.alive), "a worker ended by itself"


def night(
    *, is_sqlite: bool, seed: int, kills: int, others: int, sales: int, folder: Path
) -> Night:
    """Run one night on one database; asserts what must hold, returns what happened."""
    plan = moves(seed=seed, kills=kills, others=others, is_sqlite=is_sqlite)
    began = time.monotonic()
    with stage(is_sqlite=is_sqlite, seed=seed, folder=folder) as (on, mailbox):
        came = Night(on.market.told)
        on.market.open()
        play(on, plan, came, sales)
        on.calm()
        on.market.close()
        came.heal_seconds = wait_until(
            lambda: not insist(lambda: open_work(on.market)),
            lambda: open_work(on.market),
            seconds=HEAL_SECONDS,
        )
        check_all(on.market, mailbox)
        came.seconds = time.monotonic() - began
    return came


def play(on: Stage, plan: list[Move], came: Night, sales: int) -> None:
    """Make the moves one after the other; sales begin, open and end between them."""
    # Each sale has three turns of its shop's clock.
    turns = {round(len(plan) * turn / (3 * sales)): turn for turn in range(3 * sales)}
    sale: Sale | None = None
    for place, move in enumerate(plan):
        turn = turns.get(place)
        if turn is not None:
            sale = turn_to(on.market, sale, turn % 3)
        time.sleep(move.pause)
        on.make(move)
        came.moves[move.kind] += 1
    if sale is not None:
        turn_to(on.market, sale, 2)


def turn_to(market: Market, sale: Sale | None, turn: int) -> Sale:
    """Plan a sale whose letters go out (0), open it (1), or let it end (2)."""
    if turn == 0 or sale is None:
        return market.begin_sale()
    selling = insist(lambda: sale.campaign).selling
    # Not before its letters are out: what was not sent is called off with the sale.
    wait_until(lambda: market.is_sent(sale), lambda: open_work(market), seconds=HEAL_SECONDS)
    shows = selling.starts_at if turn == 1 else selling.ends_at
    insist(lambda: sale.set_clock(shows, real=market.house.real_now()))
    return sale


@contextmanager
def stage(*, is_sqlite: bool, seed: int, folder: Path) -> Iterator[tuple[Stage, Mailbox]]:
    """Start all that a night needs; stop it at the end."""
    with ExitStack() as stack:
        # Not under a folder of pytest's, which PostgreSQL's own user may not enter.
        place = Path(tempfile.mkdtemp(prefix="springtide-disk-"))
        stack.callback(place.rmdir)
        place.chmod(0o755)
        disk = stack.enter_context(small_disk(place, megabytes=DISK_MEGABYTES))
        mailbox, smtp_port = stack.enter_context(mail_sink(folder / "mailbox"))
        cluster = None
        if not is_sqlite:
            home = Path(tempfile.mkdtemp(prefix="pg-", dir=disk.folder))
            cluster = stack.enter_context(postgres.cluster(durable=True, home=home))
            postgres.create(cluster.address, "night")
        data = disk.folder / "data"
        url = f"{cluster.address}/night" if cluster else f"sqlite:///{data}/state.db"
        database = Database(url)
        migrate(database)
        settings = settings_in(
            data,
            url,
            secret="0" * 64,
            smtp_url=f"smtp://127.0.0.1:{smtp_port}?from=shop@tide.example",
        )
        house = TestClockHouse(settings, database)
        house.clock = house.real_now()
        stack.callback(house.close)
        clock = WallClock(folder)
        environment = {**environment_of(settings), **clock.environment}
        environment["SPRINGTIDE_API_RATE"] = "100000"
        count = 1 if is_sqlite else 2
        servers = [stack.enter_context(fork_server(environment)) for _ in range(count)]
        workers = stack.enter_context(Workers(environment))
        for server in servers:
            server.start()
        for _ in range(count):
            workers.start()
        ports = [server.port for server in servers]
        market = Market(house, ports, clock=clock, seed=seed)
        yield Stage(market, servers, workers, disk, clock, cluster), mailbox

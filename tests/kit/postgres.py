"""A throwaway PostgreSQL server on loopback, from the binaries of the machine."""

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import LiteralString

import psycopg
from psycopg import sql

from tests.kit.ports import free_port

_GONE_SECONDS = 10
_UP_SECONDS = 60
_COPIES_AHEAD = 3


def binaries() -> Path | None:
    """Return the folder of PostgreSQL's server binaries, newest version first."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    if found:
        return found[0].parent
    on_path = shutil.which("initdb")
    return Path(on_path).resolve().parent if on_path else None


class Cluster:
    """One server with its files; it may be stopped, killed and started again.

    Tests need no durable one; what is measured or killed does.
    """

    def __init__(self, home: Path, *, durable: bool = False, options: str = "") -> None:
        folder = binaries()
        if folder is None:
            raise RuntimeError("no PostgreSQL here: make test installs it")
        self._folder, self._home, self._data = folder, home, home / "data"
        # PostgreSQL refuses to run as root, so its files belong to its own user then.
        self._as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        if self._as_user:
            shutil.chown(home, "postgres", "postgres")
        self.port = free_port()
        self.address = f"postgresql://springtide@127.0.0.1:{self.port}"
        self._options = (
            f"-c listen_addresses=127.0.0.1 -p {self.port} -k {home} -c max_connections=200"
            f" -c timezone=UTC {options}"
        )
        if not durable:
            self._options += " -c fsync=off -c full_page_writes=off"
        self._run("initdb", "-D", str(self._data), "-U", "springtide", "-A", "trust", "-E", "UTF8",
                  "--wal-segsize=1")  # fmt: skip

    @property
    def pid(self) -> int:
        """The process id of the postmaster, the parent of all that this server runs."""
        return int((self._data / "postmaster.pid").read_text().split()[0])

    def start(self) -> None:
        """Start it and wait till it takes connections."""
        self._control(
            "-w", "-t", "120", "-l", str(self._home / "log"), "-o", self._options, "start"
        )

    def stop(self, mode: str = "immediate") -> None:
        """Stop it: ``immediate`` is as if it crashed, ``fast`` cuts connections and tidies up."""
        self._control("-m", mode, "-w", "stop")

    def kill(self) -> None:
        """Kill the postmaster with -9 and wait till what it ran is gone too."""
        pid = self.pid
        children = _children(pid)
        os.kill(pid, signal.SIGKILL)
        deadline = time.monotonic() + _GONE_SECONDS
        while any(Path(f"/proc/{each}").exists() for each in children):
            # They notice by themselves that their parent is gone; the one that does not is helped.
            if time.monotonic() > deadline:
                for each in children:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(each, signal.SIGKILL)
            time.sleep(0.01)
        (self._data / "postmaster.pid").unlink(missing_ok=True)

    def is_running(self) -> bool:
        """Tell whether its postmaster is there."""
        try:
            return Path(f"/proc/{self.pid}").exists()
        except (OSError, IndexError, ValueError):
            return False

    def wait(self) -> None:
        """Wait till it takes connections, such as after one of its processes was killed."""
        deadline = time.monotonic() + _UP_SECONDS
        while True:
            try:
                psycopg.connect(f"{self.address}/postgres", connect_timeout=5).close()
                return
            except psycopg.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def kill_backend(self, choose: Callable[[list[int]], int]) -> None:
        """Kill one of the processes that serve connections with -9: the server starts all anew."""
        found = [pid for pid in _children(self.pid) if b"springtide" in _command(pid)]
        if found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(choose(found), signal.SIGKILL)

    def _control(self, *arguments: str) -> None:
        self._run("pg_ctl", "-D", str(self._data), *arguments)

    def _run(self, command: str, *arguments: str) -> None:
        done = subprocess.run(
            [*self._as_user, str(self._folder / command), *arguments],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/", check=False,
        )  # fmt: skip
        if done.returncode:
            log = self._home / "log"
            told = log.read_text(errors="replace")[-2_000:] if log.exists() else ""
            raise RuntimeError(f"{command} ended with {done.returncode}: {told}")


@contextmanager
def cluster(
    *, durable: bool = False, options: str = "", home: Path | None = None
) -> Iterator[Cluster]:
    """Run a server of one's own till the end of the block, in a folder that goes with it."""
    home = home or Path(tempfile.mkdtemp(prefix="springtide-pg-"))
    made = Cluster(home, durable=durable, options=options)
    made.start()
    try:
        yield made
    finally:
        with contextlib.suppress(RuntimeError, FileNotFoundError):
            made.stop()
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def server(*, durable: bool = False) -> Iterator[str]:
    """Run a server till the end of the block; give its address without a database name."""
    with cluster(durable=durable) as made:
        yield made.address


def create(address: str, name: str) -> None:
    """Make an empty database on a server."""
    _say(address, "create database {}", name)


def _say(address: str, statement: LiteralString, *names: str) -> None:
    with psycopg.connect(f"{address}/postgres", autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))


class Copies:
    """Copies of one database of a server, made ahead by a thread of its own while tests run."""

    def __init__(self, address: str, template: str) -> None:
        self._address, self._template = address, template
        self._numbers = itertools.count(1)
        self._thread = ThreadPoolExecutor(1, "copies")
        self._made: deque[Future[str]] = deque()
        for _ in range(_COPIES_AHEAD):
            self._begin()

    @contextmanager
    def copy(self) -> Iterator[str]:
        """Give the address of a fresh copy, which goes after the block."""
        self._begin()
        name = self._made.popleft().result()
        yield f"{self._address}/{name}"
        self._thread.submit(_say, self._address, "drop database {} with (force)", name)

    def close(self) -> None:
        """Make no more."""
        self._thread.shutdown(cancel_futures=True)

    def _begin(self) -> None:
        self._made.append(self._thread.submit(self._make, f"copy_{next(self._numbers)}"))

    def _make(self, name: str) -> str:
        _say(
            self._address, "create database {} template {} strategy file_copy", name, self._template
        )
        return name


def _children(pid: int) -> list[int]:
    try:
        return [int(each) for each in _tasks(pid).read_text().split()]
    except FileNotFoundError:
        return []


def _tasks(pid: int) -> Path:
    return Path(f"/proc/{pid}/task/{pid}/children")


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""

"""Runs the demo's processes, web server, worker and mail sink, as children, and stops them all."""

import ctypes
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType, TracebackType

import httpx

from springtide.kit.errors import N_, Refusal

READY_SECONDS = 90
STOP_SECONDS = 12
_PR_SET_PDEATHSIG = 1


class PortTaken(Refusal):
    """Something else listens where the server wants to."""

    code = "port_taken"
    text = N_("Port {port} on {host} is taken. Choose another, for example PORT={other}.")


class ChildEnded(Refusal):
    """A process of the demo ended by itself, or did not come up."""

    code = "child_ended"
    text = N_("The {name} stopped by itself. The end of its log {log}:\n{tail}")


@dataclass(frozen=True, slots=True)
class Part:
    """One process: its name, the words after ``springtide``, its environment."""

    name: str
    words: tuple[str, ...]
    environment: Mapping[str, str]


class Children(AbstractContextManager["Children"]):
    """Child processes with a log each; leaving the block stops every one of them."""

    def __init__(self, parts: Sequence[Part], logs: Path) -> None:
        self._parts = parts
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "Children":
        self._logs.mkdir(parents=True, exist_ok=True)
        try:
            for part in self._parts:
                self._running[part.name] = self._start(part)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self._stop()

    def check(self) -> None:
        """Refuse to go on when a process has ended."""
        for name, process in self._running.items():
            if process.poll() is not None:
                log = self.log_of(name)
                tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
                raise ChildEnded(name=name, log=log, tail=tail)

    def log_of(self, name: str) -> Path:
        """Return the log of a process."""
        return self._logs / f"{name}.log"

    def wait_ready(self, url: str) -> None:
        """Wait until the server answers that it is ready; refuse when a process ends meanwhile."""
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            self.check()
            if answers(url):
                return
            time.sleep(0.1)
        raise ChildEnded(name="web", log=self.log_of("web"), tail=f"no answer at {url}")

    def _start(self, part: Part) -> subprocess.Popen[bytes]:
        with self.log_of(part.name).open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - our own command
                [sys.executable, "-m", "springtide.cli", *part.words],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(part.environment),
                # A Ctrl-C is for us alone: we stop the children in order.
                start_new_session=True,
                preexec_fn=_end_with_parent if sys.platform == "linux" else None,
            )

    def _stop(self) -> None:
        for process in self._running.values():
            if process.poll() is None:
                process.terminate()
        deadline = time.monotonic() + STOP_SECONDS
        for process in self._running.values():
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Interrupt(AbstractContextManager["Interrupt"]):
    """Turns SIGINT and SIGTERM into a flag while the block runs."""

    def __init__(self) -> None:
        self.is_set = False

    def __enter__(self) -> "Interrupt":
        self._before = {
            number: signal.signal(number, self._take) for number in (signal.SIGINT, signal.SIGTERM)
        }
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _take(self, _number: int, _frame: FrameType | None) -> None:
        self.is_set = True


def answers(url: str) -> bool:
    """Tell whether a server says at ``url``/readyz that it is ready."""
    try:
        return httpx.get(f"{url}/readyz", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def refuse_taken_port(host: str, port: int) -> None:
    """Refuse when something listens there already."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise PortTaken(port=port, host=host, other=port + 1) from error


def _end_with_parent() -> None:
    # Should we be killed, the children must not stay behind and hold the port.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)

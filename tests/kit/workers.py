"""Real worker processes to kill: forked from one that has done the slow imports."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
_DEAD_SECONDS = 15


class Workers:
    """Starts workers of one installation and kills them, by their own process ids."""

    def __init__(self, environment: dict[str, str]) -> None:
        path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
        self._nursery = subprocess.Popen(
            [sys.executable, "-m", "tests.kit.workers"],
            env={**os.environ, **environment, "PYTHONPATH": path},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        self.alive: list[int] = []
        assert self._read() == "ready"

    def start(self) -> int:
        """Start a worker; return its process id."""
        pid = int(self._ask("start"))
        self.alive.append(pid)
        return pid

    def kill(self, pid: int, number: signal.Signals = signal.SIGKILL) -> int:
        """Send a signal, by default the one that nobody survives; return the exit status."""
        self.alive.remove(pid)
        os.kill(pid, number)
        return int(self._ask(f"wait {pid}"))

    def send(self, pid: int, number: signal.Signals) -> None:
        """Send a signal that a process outlives, such as SIGSTOP."""
        assert pid in self.alive
        os.kill(pid, number)

    def running(self) -> list[int]:
        """Return the workers that were started, not killed, and did not end by themselves."""
        return [pid for pid in self.alive if _is_running(pid)]

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_error: object) -> None:
        for pid in list(self.alive):
            self.kill(pid)
        self._ask("end")
        self._nursery.wait(_DEAD_SECONDS)
        for pipe in (self._nursery.stdin, self._nursery.stdout):
            assert pipe is not None
            pipe.close()

    def _ask(self, line: str) -> str:
        assert self._nursery.stdin is not None
        self._nursery.stdin.write(line + "\n")
        self._nursery.stdin.flush()
        return self._read()

    def _read(self) -> str:
        assert self._nursery.stdout is not None
        return self._nursery.stdout.readline().strip()


def _is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _nursery() -> None:
    """Fork a worker for every ``start``; a child is a process of its own, as from the shell."""
    import dbos  # noqa: F401 - the slow imports, done once

    import springtide.bootstrap
    import springtide.flows.worker  # noqa: F401
    from springtide.cli import worker
    from springtide.flows.timeline.action import KINDS

    if extra := os.environ.get("SPRINGTIDE_TEST_ACTIONS"):
        KINDS.include(extra)
    assert len(KINDS)
    _say("ready")
    for line in sys.stdin:
        word, _, rest = line.strip().partition(" ")
        if word == "start":
            pid = os.fork()
            if pid == 0:
                _become(worker)
            _say(str(pid))
        elif word == "wait":
            _say(str(os.waitstatus_to_exitcode(os.waitpid(int(rest), 0)[1])))
        else:
            _say("ended")
            return


def _become(worker: Any) -> None:
    code = 1
    try:
        quiet = os.open(os.devnull, os.O_RDWR)
        os.dup2(quiet, 0)
        os.dup2(quiet, 1)
        worker.worker()
        code = 0
    finally:
        os._exit(code)


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - this is how it answers


if __name__ == "__main__":
    _nursery()

"""`springtide worker`: carries the timelines out, and keeps the facts tidy."""

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    import threading

ABOUT = """\
Carry out what is due on the timelines of all shops until Ctrl-C.

Several workers may share one PostgreSQL; each action is carried out once. Killed at any moment
and started again, a worker goes on where it was.

Example: `springtide worker`
"""


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("worker", help=ABOUT)(worker)


def worker() -> None:
    """Run a worker until it is told to stop."""
    stopping = _stop_on_signals()  # before the slow imports: a stop may come meanwhile

    from springtide.bootstrap import open_house
    from springtide.flows.installation.marks import warn_of_other_secret
    from springtide.flows.timeline.action import KINDS
    from springtide.flows.worker import run
    from springtide.kit.discreet import write_logs
    from springtide.settings import read_settings

    write_logs("%(asctime)s %(levelname)s %(name)s: %(message)s")
    KINDS.include("springtide.demo.actions")
    house = open_house(read_settings())
    warn_of_other_secret(house.db, house.settings.secret)
    print("Springtide's worker is at work - Ctrl-C stops it.", flush=True)
    try:
        run(house, stopping)
    finally:
        house.close()
    _leave_at_once()


def _leave_at_once() -> None:
    """End the process although a long step is still at work: it stands being cut off."""
    import os
    import sys
    import threading

    at_work = [thread for thread in threading.enumerate() if not thread.daemon]
    if len(at_work) > 1:
        sys.stdout.flush()
        os._exit(0)


def _stop_on_signals() -> "threading.Event":
    import signal
    import threading

    stopping = threading.Event()

    def stop(_number: int, _frame: object) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    return stopping

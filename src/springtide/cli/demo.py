"""`springtide demo …`: the demo shop, its sale day, its mail sink, and all of it together."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from springtide.bootstrap import House
    from springtide.demo.replay import Closing
    from springtide.settings import Settings

ABOUT = """\
The demo shop: a year of real purchases, and a sale day that re-enacts a real one.

Example: `springtide demo run`
"""
app = typer.Typer(help=ABOUT, no_args_is_help=True)

BUILD = """\
Build the demo shop; what is there already stays, and a build that was stopped goes on.

Example: `springtide demo build --json`
"""

RUN = """\
Build the demo shop at the first start, then run web server, worker and mail sink until Ctrl-C.

Example: `PORT=8080 springtide demo run`
"""

DAY = """\
Run the demo's sale day: real orders of 23 December 2017 through the API, on the shop's clock.

The servers must be running (`springtide demo run`). Stopped or killed, it goes on at the next
call, and nothing is done twice.

Example: `springtide demo day --speed 600`
"""

MAILBOX = """\
Keep every letter that the demo sends in the data folder, instead of sending it, until Ctrl-C.

Example: `springtide demo mailbox`
"""

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("build", help=BUILD)
def build_command(as_json: AsJson = False) -> None:
    """Build the demo shop."""
    import time

    from springtide.bootstrap import open_house
    from springtide.demo import campaign
    from springtide.demo.build import demo_shop, is_built
    from springtide.settings import read_settings

    house = open_house(read_settings())
    began = time.monotonic()
    try:
        was_built = is_built(house)
        if not was_built:
            _build(house)
        sale = campaign.find(house, demo_shop(house))
    finally:
        house.close()
    seconds = round(time.monotonic() - began, 1)
    result = {
        "shop": "demo",
        "campaign": sale.key if sale else None,
        "was_built": was_built,
        "seconds": seconds,
    }
    if as_json:
        print(json.dumps(result))
    else:
        print("The demo shop stands." if was_built else f"The demo shop is built ({seconds} s).")


@app.command("run", help=RUN)
@app.command("serve", help=RUN, hidden=True)
def run_command() -> None:
    """Run the whole demo."""
    import os
    import time

    from springtide.demo.running import Children, Interrupt, Part, refuse_taken_port
    from springtide.settings import read_settings

    settings = read_settings()
    refuse_taken_port(settings.host, settings.port)
    _build_if_missing(settings)
    environment = {**os.environ, "SPRINGTIDE_SMTP_URL": _mail_address(settings)}
    parts = [
        Part("mail", ("demo", "mailbox"), environment),
        Part("web", ("serve",), environment),
        Part("worker", ("worker",), environment),
    ]
    with Interrupt() as interrupt, Children(parts, settings.data / "logs") as children:
        children.wait_ready(f"http://{settings.host}:{settings.port}")
        _greet(settings)
        while not interrupt.is_set:
            children.check()
            time.sleep(0.2)
        print("\nStopping …", flush=True)
    print("Stopped.", flush=True)


@app.command("day", help=DAY)
def day_command(
    speed: Annotated[
        float, typer.Option(min=1, max=10_000, help="How fast the shop's clock runs.")
    ] = 600.0,
    base_url: Annotated[
        str, typer.Option(help="Where the API answers; SPRINGTIDE_PUBLIC_URL by default.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Run the sale day."""
    from dataclasses import asdict

    from springtide.bootstrap import open_house
    from springtide.demo.replay import Replay, client_for, refuse_unready
    from springtide.settings import read_settings

    settings = read_settings()
    address = (base_url or settings.public_url).rstrip("/")
    house = open_house(settings)
    try:
        refuse_unready(house, address)
        with _Bars() as bars, client_for(house, address) as client:
            closing = Replay(house, bars, client, speed).run()
    finally:
        house.close()
    if as_json:
        print(json.dumps(asdict(closing)))
    else:
        _print_closing(closing)


@app.command("mailbox", help=MAILBOX)
def mailbox_command() -> None:
    """Run the mail sink."""
    import time
    from urllib.parse import urlsplit

    from springtide.connectors.channels.mailbox import Mailbox, MailServer
    from springtide.demo.running import Interrupt
    from springtide.settings import read_settings

    settings = read_settings()
    address = urlsplit(settings.smtp_url)
    host, port = address.hostname or "127.0.0.1", address.port or 8025
    with Interrupt() as interrupt, MailServer(Mailbox(settings.mailbox), host=host, port=port):
        print(f"Letters to {host}:{port} are kept in {settings.mailbox}.", flush=True)
        while not interrupt.is_set:
            time.sleep(0.2)


class _Bars:
    """Progress bars, one a stage, on the error stream."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
        )

        self._progress = Progress(
            TextColumn("{task.description:<28}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True),
        )
        self._tasks: dict[str, Any] = {}

    def __enter__(self) -> "_Bars":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def report(self, stage: str, done: int, total: int) -> None:
        """Move a stage's bar."""
        if stage not in self._tasks:
            self._tasks[stage] = self._progress.add_task(stage, total=total or None)
        self._progress.update(self._tasks[stage], completed=done, total=total or None)

    def wait(self, seconds: float) -> None:
        """Wait."""
        import time

        time.sleep(seconds)


def _build(house: "House") -> None:
    from functools import partial

    from springtide.demo.build import steps

    with _Bars() as bars:
        for step in steps():
            bars.report(step.name, 0, 0)
            step.do(house, partial(bars.report, step.name))
            bars.report(step.name, 1, 1)


def _build_if_missing(settings: "Settings") -> None:
    from springtide.bootstrap import open_house
    from springtide.demo.build import is_built

    house = open_house(settings)
    try:
        if not is_built(house):
            print("Building the demo shop from a year of real purchases …", flush=True)
            _build(house)
    finally:
        house.close()


def _mail_address(settings: "Settings") -> str:
    """Return where the mail sink listens: the usual port, or a free one when that is taken."""
    import os
    import socket

    from springtide.demo.running import PortTaken, refuse_taken_port

    if os.environ.get("SPRINGTIDE_SMTP_URL"):
        return settings.smtp_url
    try:
        refuse_taken_port("127.0.0.1", 8025)
    except PortTaken:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return f"smtp://127.0.0.1:{probe.getsockname()[1]}"
    return "smtp://127.0.0.1:8025"


def _greet(settings: "Settings") -> None:
    from springtide.demo import story

    print(f"\nSpringtide answers at {settings.public_url}")
    for role, (email, _) in story.PEOPLE.items():
        print(f"  log in as {email:<26} password {story.PASSWORD}   ({role.value})")
    print(f"  letters of the demo: {settings.mailbox}")
    print(f"  run the sale day: the button on the board, or: {_here()} demo day --speed 600")
    print("Ctrl-C stops it.", flush=True)


def _here() -> str:
    """Return how this command is called from here, with what it was told by the environment."""
    import os
    import sys

    told = [
        f"{name}={os.environ[name]}" for name in ("SPRINGTIDE_DATA", "PORT") if name in os.environ
    ]
    return " ".join([*told, os.path.relpath(sys.argv[0])])


def _print_closing(closing: "Closing") -> None:
    board = closing.board
    print(f"Orders sent {closing.orders_sent}, payments sent {closing.payments_sent}.")
    for kind in ("orders", "paid_orders", "paid_money", "paying_buyers", "units", "visitors"):
        print(f"  board: {kind:<16} {board[kind]}")

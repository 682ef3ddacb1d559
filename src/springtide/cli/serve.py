"""`springtide serve`: the web server for pages and API."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from springtide.settings import Settings

_PR_SET_PDEATHSIG = 1
#: Connections that a process holds at once; those beyond wait to be accepted.
_CONNECTIONS = 2048
#: How long a connection may take to send a request's head, or lie idle between two.
_HEAD_MILLISECONDS = 10_000
_HEAD_BYTES = 64 * 1024
#: Files that a process may have open beside its connections.
_FILES_BESIDE = 1024
ABOUT = """\
Serve the pages and the API until Ctrl-C.

SPRINGTIDE_HOST, PORT and SPRINGTIDE_PUBLIC_URL say where; SPRINGTIDE_DATA where things lie.

Example: `PORT=8080 springtide serve`
"""


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("serve", help=ABOUT)(serve)


def serve(
    workers: Annotated[
        int, typer.Option(min=1, max=64, help="Processes; more than 1 wants PostgreSQL.")
    ] = 1,
    access_log: Annotated[bool, typer.Option(help="Log every request, not only faults.")] = False,
) -> None:
    """Run granian on the app."""
    import os

    from granian import Granian
    from granian.constants import HTTPModes, Interfaces
    from granian.http import HTTP1Settings
    from granian.log import LogLevels

    from springtide.settings import read_settings

    settings = read_settings()
    _refuse_taken_port(settings.host, settings.port)
    _refuse_early(settings)
    _allow_connections()
    os.environ["SPRINGTIDE_ACCESS_LOG"] = "1" if access_log else ""
    print(f"Springtide answers at {settings.public_url} - Ctrl-C stops it.", flush=True)
    Granian(
        "springtide.cli.serve:application",
        address=settings.host,
        port=settings.port,
        interface=Interfaces.ASGI,
        factory=True,
        workers=workers,
        websockets=False,
        log_access=False,
        log_level=LogLevels.warning,
        # Without TLS nothing but HTTP/1.1 comes, and only there is the wait for a head bounded.
        http=HTTPModes.http1,
        http1_settings=HTTP1Settings(
            header_read_timeout=_HEAD_MILLISECONDS, max_buffer_size=_HEAD_BYTES
        ),
        backlog=_CONNECTIONS,
        backpressure=_CONNECTIONS,
        workers_kill_timeout=2,
    ).serve()


def application() -> Any:
    """Make the app of one server process, which ends with the command that started it."""
    import ctypes
    import gc
    import signal
    import sys

    from springtide.site import app_from_environment

    if sys.platform == "linux":
        # Should the command be killed, its server must not stay behind and hold the port.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    app = app_from_environment()
    # What is there now stays for good: the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    return app


def _allow_connections() -> None:
    """Let the server hold as many connections as it takes, where the system allows that many."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _CONNECTIONS + _FILES_BESIDE
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _refuse_early(settings: "Settings") -> None:
    """Tell here, in a sentence, what the server would refuse in its own process.

    A child looks, and tells: servers are forked from this process, and whoever has opened the lake
    leaves them threads that do not survive that.
    """
    import os

    from springtide.bootstrap import open_house

    child = os.fork()
    if not child:
        open_house(settings).close()
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code:
        raise typer.Exit(code)


def _refuse_taken_port(host: str, port: int) -> None:
    import socket

    from springtide.kit.errors import OuterCallError

    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise OuterCallError(
                f"cannot listen on {host}:{port} ({error.strerror}); choose another with PORT="
            ) from None

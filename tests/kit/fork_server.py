"""The real server in a process that starts in a moment: forked from one that has imported all.

As a command (``python -m tests.kit.fork_server PORT``) it reads ``start`` lines and answers each
with the process id of a fresh server; whoever asked may kill that with -9.
"""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.kit.ports import free_port

UP_SECONDS = 20


class ForkServer:
    """Starts and kills servers on one port."""

    def __init__(self, port: int, zygote: "subprocess.Popen[str]") -> None:
        self.port = port
        self.kills = 0
        self._zygote = zygote
        self._pid = 0

    def start(self) -> None:
        """Start a server and wait till it takes connections."""
        assert self._zygote.stdin is not None
        assert self._zygote.stdout is not None
        self._zygote.stdin.write("start\n")
        self._zygote.stdin.flush()
        self._pid = int(self._zygote.stdout.readline())
        for _ in range(UP_SECONDS * 200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.005)
        raise RuntimeError("the server did not come up")

    def kill(self) -> None:
        """Kill the server where it stands."""
        os.kill(self._pid, signal.SIGKILL)
        self.kills += 1
        for _ in range(UP_SECONDS * 200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) != 0:
                    return
            time.sleep(0.002)
        raise RuntimeError("the killed server still listens")


@contextmanager
def fork_server(environment: Mapping[str, str]) -> Iterator[ForkServer]:
    """Give a starter of servers with this environment; stops what runs at the end."""
    port = free_port()
    with subprocess.Popen(
        [sys.executable, "-m", "tests.kit.fork_server", str(port)],
        env={**os.environ, **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as zygote:
        server = ForkServer(port, zygote)
        try:
            yield server
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(server._pid or zygote.pid, signal.SIGKILL)
            zygote.kill()


def _serve(port: int) -> None:
    from granian.constants import Interfaces
    from granian.server.embed import Server

    from springtide.site import app_from_environment

    app = app_from_environment()
    server = Server(
        app, address="127.0.0.1", port=port, interface=Interfaces.ASGI, log_enabled=False
    )
    asyncio.run(server.serve())


def _main(port: int) -> None:

    import springtide.migrations
    import springtide.site  # noqa: F401 - what every child would import

    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for _ in sys.stdin:
        pid = os.fork()
        if pid == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            _serve(port)
            os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    _main(int(sys.argv[1]))

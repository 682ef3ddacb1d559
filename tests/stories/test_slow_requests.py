"""Slow requests to a real server: they are given up, and honest ones are answered meanwhile."""

import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from springtide.kit.wire import GRACE_SECONDS, SLOW_MAX
from tests.stories.browser import server

HEAD = b"POST /log-in HTTP/1.1\r\nHost: 127.0.0.1\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 5000\r\n\r\n"


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path) -> Iterator[int]:
    """A server of its own; its port."""
    folder = tmp_path_factory.mktemp("slow")
    (folder / "state.db").write_bytes(sqlite_template.read_bytes())
    with server(folder) as base:
        yield int(base.rpartition(":")[2])


def _honest(port: int) -> float:
    """Ask as others do; return how long the answer took, in seconds."""
    began = time.monotonic()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/log-in", timeout=5) as answer:
        assert answer.status == 200
    return time.monotonic() - began


def _open(stack: ExitStack, port: int, sent: bytes) -> socket.socket:
    made = stack.enter_context(socket.create_connection(("127.0.0.1", port), timeout=30))
    made.sendall(sent)
    return made


def _all(connection: socket.socket) -> bytes:
    """Read until the server closes; raises where it does not within the socket's time."""
    read = b""
    while more := connection.recv(65_536):
        read += more
    return read


@pytest.mark.parametrize(
    "sent", [b"", HEAD, b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"],
    ids=["nothing", "half a head", "nothing more"],
)  # fmt: skip
def test_connections_that_send_nothing_are_closed_and_hold_nobody_up(
    port: int, sent: bytes
) -> None:
    with ExitStack() as stack:
        held = [_open(stack, port, sent) for _ in range(300)]
        assert max(_honest(port) for _ in range(5)) < 3
        began = time.monotonic()
        for each in held:
            _all(each)
        assert time.monotonic() - began < 25
        assert _honest(port) < 3


def test_bodies_that_trickle_are_given_up_and_only_so_many_are_borne(port: int) -> None:
    with ExitStack() as stack:
        held = [_open(stack, port, HEAD + FORM + b"a") for _ in range(SLOW_MAX + 50)]
        began = time.monotonic()
        assert max(_honest(port) for _ in range(5)) < 3
        answers = [_all(each) for each in held]
        assert time.monotonic() - began < GRACE_SECONDS + 10
        assert {answer.split(b"\r\n")[0] for answer in answers} == {b"HTTP/1.1 408 Request Timeout"}
        assert all(b"too slowly" in answer for answer in answers)
        assert _honest(port) < 3


def test_a_body_that_trickles_steadily_is_given_up_too(port: int) -> None:
    with ExitStack() as stack:
        connection = _open(stack, port, HEAD + FORM)
        began = time.monotonic()
        try:
            while time.monotonic() - began < GRACE_SECONDS + 10:
                connection.sendall(b"a")
                time.sleep(0.3)
        except OSError:
            pass
        assert time.monotonic() - began < GRACE_SECONDS + 5


def test_a_large_body_may_take_its_time_at_a_fair_speed(port: int) -> None:
    fields = b"a=" + b"x" * 400_000
    with ExitStack() as stack:
        connection = _open(
            stack,
            port,
            HEAD + FORM.replace(b"5000", str(len(fields)).encode()) + fields[:100_000],
        )
        for start in range(100_000, len(fields), 25_000):
            time.sleep(1)
            connection.sendall(fields[start : start + 25_000])
        # Without the form's token it is refused in the end, not given up on the way.
        assert connection.recv(100).startswith(b"HTTP/1.1 403")


def test_a_head_too_large_to_be_honest_is_refused(port: int) -> None:
    with ExitStack() as stack:
        for line in (b"GET /%s HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nX-A: %s\r\n\r\n"):
            connection = _open(stack, port, line % (b"x" * 200_000))
            assert connection.recv(100).split(b" ")[1] in (b"400", b"414", b"431")


def test_head_has_no_body_on_the_wire(port: int) -> None:
    with ExitStack() as stack:
        ask = b"HEAD /log-in HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\nHost: x\r\n"
        connection = _open(stack, port, ask + b"Connection: close\r\n\r\n")
        first, second = _all(connection).split(b"\r\n\r\nHTTP/1.1")
        assert first.startswith(b"HTTP/1.1 200")
        assert b"content-length: 0" not in first.lower()
        assert second.endswith(b"\r\n\r\nok\n")

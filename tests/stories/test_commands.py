"""The command line from outside: init, serve, refusals in one line, a quick start."""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parents[2]


def _environment(data: Path, **more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SPRINGTIDE")}
    return {**kept, "PYTHONPATH": str(ROOT / "src"), "SPRINGTIDE_DATA": str(data), **more}


def _run(data: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "springtide.cli.__main__", *arguments],
        env=_environment(data, **more),
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=60,
        check=False,
    )


def test_init_makes_a_shop_and_its_owner_once(tmp_path: Path) -> None:
    arguments = ("init", "--shop", "tide", "--name", "大潮", "--owner-email", "li@tide.test")
    first = json.loads(_run(tmp_path, *arguments, "--json").stdout)
    again = json.loads(_run(tmp_path, *arguments, "--json").stdout)
    assert (first["shop_created"], first["owner_created"]) == (True, False)
    assert "/invitation?token=" in first["invitation"]
    assert (again["shop_created"], again["invitation"]) == (False, None)


def test_init_adds_nobody_to_a_second_shop_without_them(tmp_path: Path) -> None:
    owner = ("--owner-email", "li@tide.test", "--json")
    chosen = {"SPRINGTIDE_OWNER_PASSWORD": "given by the owner"}
    first = json.loads(_run(tmp_path, "init", "--shop", "tide", *owner, **chosen).stdout)
    second = json.loads(_run(tmp_path, "init", "--shop", "other", *owner, **chosen).stdout)
    assert (first["owner_created"], first["invitation"]) == (True, None)
    assert second["owner_created"] is False
    assert "/invitation?token=" in second["invitation"]
    listed = json.loads(_run(tmp_path, "people", "list", "--shop", "other", "--json").stdout)
    assert listed["people"] == []
    assert [each["email"] for each in listed["invitations"]] == ["li@tide.test"]


def test_an_account_is_recovered_by_command_without_mail(tmp_path: Path) -> None:
    chosen = {"SPRINGTIDE_OWNER_PASSWORD": "given by the owner"}
    _run(tmp_path, "init", "--shop", "tide", "--owner-email", "li@tide.test", **chosen)
    link = _run(tmp_path, "account", "reset-password", "LI@tide.test")
    assert (link.returncode, "/recover/new?token=" in link.stdout) == (0, True)
    weak = _run(tmp_path, "account", "reset-password", "li@tide.test", "--stdin")
    assert (weak.returncode, "12 to 200 characters" in weak.stderr) == (1, True)
    lost = _run(tmp_path, "account", "remove-factors", "li@tide.test")
    assert (lost.returncode, "had 0 second factors" in lost.stdout) == (0, True)
    for command in ("reset-password", "remove-factors"):
        nobody = _run(tmp_path, "account", command, "x@tide.test")
        assert (nobody.returncode, nobody.stderr.count("\n")) == (1, 1)


def test_people_are_invited_changed_and_taken_out_by_command(tmp_path: Path) -> None:
    chosen = {"SPRINGTIDE_OWNER_PASSWORD": "given by the owner"}
    _run(tmp_path, "init", "--shop", "tide", "--owner-email", "li@tide.test", **chosen)
    shop = ("--shop", "tide")
    first = json.loads(_run(tmp_path, "people", "invite", *shop, "m@tide.test", "--json").stdout)
    again = json.loads(_run(tmp_path, "people", "invite", *shop, "m@tide.test", "--json").stdout)
    assert first["link"] != again["link"]
    gone = _run(tmp_path, "people", "withdraw", *shop, "m@tide.test")
    assert gone.returncode == 0
    for step in (("remove", "li@tide.test"), ("role", "li@tide.test", "--role", "design")):
        refused = _run(tmp_path, "people", step[0], *shop, *step[1:])
        assert (refused.returncode, "at least one owner" in refused.stderr) == (1, True)
    nonsense = _run(tmp_path, "people", "role", *shop, "li@tide.test", "--role", "king")
    assert (nonsense.returncode, "Traceback" in nonsense.stderr) == (2, False)


def test_init_takes_a_password_and_never_prints_it(tmp_path: Path) -> None:
    done = _run(
        tmp_path,
        "init",
        "--owner-email",
        "li@tide.test",
        SPRINGTIDE_OWNER_PASSWORD="given by the owner",
    )
    assert done.returncode == 0
    assert "given by the owner" not in done.stdout + done.stderr


def test_a_refusal_is_lines_on_stderr_that_name_the_fields(tmp_path: Path) -> None:
    done = _run(tmp_path, "init", "--shop", "../x", "--zone", "Mars/Base")
    assert (done.returncode, done.stdout) == (1, "")
    assert "slug: " in done.stderr
    assert "zone: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(("--version",), 0), (("--help",), 0), (("nonsense",), 2), (("init", "--nonsense"), 2)],
)
def test_exit_codes_mean_something(tmp_path: Path, arguments: tuple[str, ...], code: int) -> None:
    done = _run(tmp_path, *arguments)
    assert done.returncode == code
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("import", "orders.csv"), ("facts", "summary"), ("orders", "list", "--json"),
        ("export", "days", "-o", "days.csv", "--force"), ("tiers", "--as-of", "2025-01-05"),
    ],
)  # fmt: skip
def test_what_is_done_leaves_nothing_on_stderr(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    (tmp_path / "orders.csv").write_text("customer_id,order_date,revenue\nc1,2025-01-02,10.50\n")
    _run(tmp_path, "init", "--shop", "tide", SPRINGTIDE_OWNER_PASSWORD="given by the owner")
    words = [str(tmp_path / word) if word.endswith(".csv") else word for word in arguments]
    done = _run(tmp_path, *words, "--shop", "tide")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_bad_port_is_refused_in_one_line(tmp_path: Path) -> None:
    done = _run(tmp_path, "serve", PORT="http")
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "PORT=http" in done.stderr


def test_help_loads_nothing_heavy(tmp_path: Path) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "springtide.cli.__main__", "--help"],
        env=_environment(tmp_path),
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    heavy = {"sqlalchemy", "litestar", "duckdb", "deltalake", "numpy", "rich", "dbos", "babel"}
    assert loaded & heavy == set()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    # The goal is 0.3 s; the bound leaves room for a busy machine and the tracing itself.
    assert after.ru_utime - before.ru_utime < 1.0


def test_serve_answers_and_stops_cleanly_on_ctrl_c(tmp_path: Path) -> None:
    # With facts that were sealed: looking at them leaves threads that no fork survives.
    orders = tmp_path / "orders.csv"
    orders.write_text("customer_id,order_id,date,amount\nc1,o1,2026-04-03,1\n")
    _run(tmp_path, "init", "--shop", "tide")
    assert _run(tmp_path, "import", str(orders), "--shop", "tide").returncode == 0
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "springtide.cli.__main__", "serve"],
        env=_environment(tmp_path, PORT=str(port)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert _ready(f"http://127.0.0.1:{port}/readyz", seconds=40)
        taken = _run(tmp_path, "serve", PORT=str(port))
        assert taken.returncode == 3
        assert f"127.0.0.1:{port}" in taken.stderr
        server.send_signal(signal.SIGINT)
        output, errors = server.communicate(timeout=20)
    finally:
        server.kill()
    assert server.returncode in (0, 130)
    assert f"127.0.0.1:{port}" in output
    assert "Traceback" not in errors


def _ready(url: str, *, seconds: float) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            if httpx.get(url).status_code == 200:
                return True
        except httpx.TransportError:
            time.sleep(0.1)
    return False

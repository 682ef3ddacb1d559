"""After a whole story, under a umask that hides nothing: the data folder is its owner's alone."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx

from tests.kit.ports import free_port

ROOT = Path(__file__).parents[2]
ORDERS = "customer_id,order_id,date,amount\nc1,o1,2026-04-03,1\nc2,o2,2026-04-04,x\n"
WAIT_SECONDS = 60


def _environment(data: Path, port: int) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SPRINGTIDE")}
    return {
        **kept,
        "PYTHONPATH": str(ROOT / "src"),
        "SPRINGTIDE_DATA": str(data),
        "SPRINGTIDE_OWNER_PASSWORD": "a password of the owner",
        "PORT": str(port),
    }


def _start(data: Path, port: int, *words: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "springtide.cli", *words],
        env=_environment(data, port),
        umask=0,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )


def _run(data: Path, *words: str) -> None:
    process = _start(data, 8000, *words)
    assert process.wait(WAIT_SECONDS) == 0, words


def _stop(*processes: subprocess.Popen[bytes]) -> None:
    for process in processes:
        process.send_signal(signal.SIGTERM)
    for process in processes:
        process.wait(WAIT_SECONDS)


def _open(data: Path) -> list[str]:
    """Return the files and folders that others may look into."""
    found = []
    # Unlike rglob, walk passes over a folder that goes away while it is looked into.
    inside = [
        Path(folder, name) for folder, folders, files in os.walk(data) for name in folders + files
    ]
    for path in (data, *sorted(inside)):
        try:
            mode = path.lstat()
        except FileNotFoundError:
            continue  # what the processes at work put away meanwhile
        if not path.is_symlink() and mode.st_mode & 0o077:
            found.append(f"{path.relative_to(data)} {mode.st_mode & 0o777:o}")
    return found


def _uploads(port: int) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", follow_redirects=True) as client:
        _until(lambda: client.get("/healthz").status_code == 200)
        page = client.get("/log-in").text
        token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
        form = {"email": "li@tide.test", "password": "a password of the owner"}
        client.post("/log-in", data={**form, "csrf_token": token})
        page = client.get("/shops/tide/data").text
        token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
        for more, text in (({"format": ""}, ORDERS), ({"look": "1"}, "alpha,beta\n1,2\n")):
            files = {"file": ("a.csv", text, "text/csv")}
            answer = client.post(
                "/shops/tide/data", data={"csrf_token": token, **more}, files=files
            )
            assert answer.status_code == 200, answer.text[:500]
        export = client.get("/shops/tide/exports/customers.csv")
        assert export.status_code == 200


def _until(done: object, seconds: float = WAIT_SECONDS) -> None:
    assert callable(done)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if done():
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError("it did not come")


def test_the_data_folder_is_its_owners_alone_after_a_whole_story(tmp_path: Path) -> None:
    data, port = tmp_path / "data", free_port()
    # It was there before, wider, with what an older release left.
    (data / "lake" / "old").mkdir(parents=True)
    (data / "rejects").mkdir()
    (data / "rejects" / "imp_old.csv").write_text("a\n")
    (data / "secret").write_text("0" * 64)
    for path in (data, *data.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    (tmp_path / "orders.csv").write_text(ORDERS)
    _run(data, "init", "--shop", "tide", "--owner-email", "li@tide.test")
    _run(data, "import", str(tmp_path / "orders.csv"), "--shop", "tide")
    server, worker = _start(data, port, "serve"), _start(data, port, "worker")
    try:
        _uploads(port)
        _until(lambda: (data / "durable.db").exists())
        while_running = _open(data)
        found = {path.name for path in data.rglob("*")}
    finally:
        _stop(server, worker)
    assert while_running == []
    assert _open(data) == []
    assert {"state.db", "state.db-wal", "durable.db", "secret", "facts", "uploads"} <= found
    assert any(name.startswith("imp_") and name != "imp_old.csv" for name in found)
    assert any(name.endswith(".parquet") for name in found)

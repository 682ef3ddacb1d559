"""Make a small data folder as a release leaves it, by nothing but its commands, pages and API.

    python tests/releases/make.py SOURCE ARCHIVE

SOURCE is the release's ``src`` folder (``git worktree add /tmp/old v0.1``), ARCHIVE a new
``NNNN.tar.xz`` beside this file, NNNN being the release's last migration. Run it with the Python
that has the release's dependencies. What it makes is small: a shop with files imported, refused
and waiting, orders and claims over the API, a sale planned, a reward published, a letter drafted.
"""

import io
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

PASSWORD = "a password of the owner"
OWNER = "li@tide.test"
PORT = 8479
BASE = "/shops/tide"
SECONDS = 60
PLATFORM = (
    "订单编号,买家会员名,买家实际支付金额,订单状态,订单创建时间,订单付款时间,宝贝标题\n"
    "4628000443885124223,li,12.50,交易成功,2025-11-01 10:00:00,2025-11-01 10:01:00,茶\n"
    "4628000443885124224,wang,x,交易成功,2025-11-02 10:00:00,2025-11-02 10:01:00,杯\n"
)
UNKNOWN = "alpha,beta\n1,2\n"


def orders() -> str:
    """Return 60 orders over 30 days, two of them wrong."""
    lines = ["customer_id,customer_email,order_id,date,product_id,quantity,amount"]
    for number in range(60):
        who, day = number % 20, 1 + number // 2
        amount = "x" if number in (7, 30) else f"{10 + number}.50"
        lines.append(
            f"c{who},c{who}@buyers.example,o{number},2025-10-{day:02} 10:00,tea,1,{amount}"
        )
    return "\n".join(lines) + "\n"


class Release:
    """A release at work on a data folder of its own."""

    def __init__(self, source: Path, data: Path) -> None:
        kept = {key: text for key, text in os.environ.items() if not key.startswith("SPRINGTIDE")}
        self.environment = {
            **kept,
            "PYTHONPATH": str(source),
            "SPRINGTIDE_DATA": str(data),
            "SPRINGTIDE_OWNER_PASSWORD": PASSWORD,
            "PORT": str(PORT),
        }

    def run(self, *words: str, code: int = 0) -> None:
        """Run a command to its end."""
        command = [sys.executable, "-m", "springtide.cli", *words]
        done = subprocess.run(command, env=self.environment, timeout=SECONDS, check=False)
        if done.returncode != code:
            raise SystemExit(f"{words}: ended with {done.returncode}")

    @contextmanager
    def running(self, *words: str) -> Iterator[None]:
        """Run a server for as long as the block."""
        command = [sys.executable, "-m", "springtide.cli", *words]
        process = subprocess.Popen(command, env=self.environment)
        try:
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(SECONDS)


class Office:
    """The owner's browser, and a program with a key."""

    def __init__(self) -> None:
        self.pages = httpx.Client(base_url=f"http://127.0.0.1:{PORT}", timeout=SECONDS)
        self.token = ""
        self.count = 0

    def post(
        self, path: str, form: dict[str, str], may: tuple[int, ...] = (200, 303), **more: Any
    ) -> httpx.Response:
        """Send a form; it must be taken."""
        page = self.pages.get("/log-in" if path == "/log-in" else f"{BASE}/data").text
        token = page.partition('name="csrf_token" value="')[2].partition('"')[0]
        answer = self.pages.post(path, data={"csrf_token": token, **form}, **more)
        if answer.status_code not in may:
            raise SystemExit(f"{path}: {answer.status_code} {answer.text[-3_000:]}")
        return answer

    def call(self, path: str, body: dict[str, Any]) -> Any:
        """Call the API; it must be taken."""
        self.count += 1
        headers = {
            "authorization": f"Bearer {self.token}", "idempotency-key": f"made-{self.count}"
        }  # fmt: skip
        answer = self.pages.post(path, json=body, headers=headers)
        if answer.status_code not in (200, 201):
            raise SystemExit(f"{path}: {answer.status_code} {answer.text[:2_000]}")
        return answer.json()

    def enter(self) -> None:
        """Log in, and make a key that may do all."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            try:
                self.pages.get("/healthz")
                break
            except httpx.TransportError:
                time.sleep(0.2)
        self.post("/log-in", {"email": OWNER, "password": PASSWORD})
        page = self.pages.get(f"{BASE}/settings/keys").text
        scopes = dict.fromkeys(re.findall(r'name="(scope-[^"]+)"', page), "on")
        made = self.post(f"{BASE}/settings/keys", {"name": "shop", "kind": "secret", **scopes})
        found = re.search(r"\b(sk_[A-Za-z0-9_-]{20,})", made.text)
        if not found:
            raise SystemExit("no key was made")
        self.token = found[1]


def tell(office: Office) -> None:
    """Do what a shop does in a week."""
    day = datetime.now(UTC) + timedelta(days=20)  # noqa: TID251 - a script of its own
    price = {"regular_minor": 10_000, "floor_minor": 5_000}
    products = [{"key": "tea", "name": "茶", "price": price}, {"key": "cup", "name": "Cup"}]
    office.call("/v1/products", {"products": products})
    office.call("/v1/customers", {"customers": [{"key": "c1", "name": "Li & Co"}]})
    lines = [{"product_key": "tea", "quantity": 2}]
    for number in range(3):
        key = f"api{number}"
        office.call("/v1/orders", {"key": key, "customer_key": "c1", "lines": lines})
        if number:
            office.call(f"/v1/orders/{key}/payments", {"payment_key": f"p{number}"})
    office.call("/v1/orders/api1/returns", {"key": "r1", "lines": lines})
    for more, text in (({"format": ""}, PLATFORM), ({"look": "1"}, UNKNOWN)):
        # Some releases say what is wrong with a file at once.
        files = {"file": ("till.csv", text, "text/csv")}
        office.post(f"{BASE}/data", more, files=files, may=(200, 303, 422))
    made = office.post(f"{BASE}/campaigns/new", {"name": "双 11", "day": f"{day:%Y-%m-%d}"})
    campaign = made.headers["location"]
    office.post(f"{campaign}/prices/heroes", {"add": "tea", "heroes.tea": "89.00"})
    ladder = {"steps.0.threshold_minor": "169", "steps.0.discount_minor": "10"}
    office.post(f"{campaign}/prices/ladder", ladder)
    office.post(f"{campaign}/schedule", {})
    opens = datetime.now(UTC)  # noqa: TID251 - a script of its own
    term = {
        "opens_at": f"{opens:%Y-%m-%dT%H:%M}", "closes_at": f"{day:%Y-%m-%dT%H:%M}",
        "quantity": "10", "per_customer": "1",
    }  # fmt: skip
    form = {"kind": "check_in", "name": "每日签到", "points": "1, 2, 5", **term}
    made = office.post(f"{BASE}/rewards", form)
    office.post(f"{made.headers['location']}/publish", {})


def pack(data: Path, archive: Path) -> None:
    """Write a folder as an archive that is the same for the same folder."""

    def plain(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
        if "/spill" in info.name or info.name.endswith((".lock", ".log")):
            return None
        info.uid = info.gid = info.mtime = 0
        info.uname = info.gname = ""
        return info

    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz", preset=9) as file:
        for path in sorted(data.iterdir()):
            file.add(path, arcname=path.name, filter=plain)
    archive.write_bytes(buffer.getvalue())


def main(source: Path, archive: Path) -> None:
    """Make the folder and pack it."""
    data = Path(tempfile.mkdtemp()) / "data"
    release = Release(source, data)
    release.run("init", "--shop", "tide", "--name", "大潮", "--owner-email", OWNER)
    told = data.parent / "orders.csv"
    told.write_text(orders())
    release.run("import", str(told), "--shop", "tide")
    told.with_name("bad.csv").write_text(UNKNOWN)
    release.run("import", str(told.with_name("bad.csv")), "--shop", "tide", code=1)
    with release.running("worker"), release.running("serve"):
        office = Office()
        office.enter()
        tell(office)
        time.sleep(5)  # what was handed to the worker is done, and some facts are sealed
    pack(data, archive)
    shutil.rmtree(data.parent)
    sys.stdout.write(f"{archive}: {archive.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve())

"""A live server and a real browser for stories: what a merchant sees, with nothing between."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Request, sync_playwright

from tests.kit.house import SECRET
from tests.kit.ports import free_port

ROOT = Path(__file__).parents[2]
FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
)  # fmt: skip
_START_SECONDS = 60


@dataclass
class Window:
    """One browser page; keeps what went wrong in it: errors of the console, foreign requests."""

    page: Page
    base: str
    wrong: list[str] = field(default_factory=list)

    def watch(self) -> "Window":
        """Begin to note errors (a broken security policy is one) and requests to elsewhere."""
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.wrong.append(f"script: {error}"))
        self.page.on("request", self._asked)
        return self

    def open(self, path: str) -> Page:
        """Go to a path of the server."""
        self.page.goto(self.base + path)
        return self.page

    def log_in(self, email: str, password: str) -> Page:
        """Log in through the page."""
        page = self.open("/log-in")
        page.fill("#f-email", email)
        page.fill("#f-password", password)
        page.press("#f-password", "Enter")
        page.wait_for_url(lambda url: "/log-in" not in url)
        return page

    def is_wider_than_the_screen(self) -> bool:
        """Tell whether the page scrolls sideways."""
        return bool(
            self.page.evaluate(
                "document.documentElement.scrollWidth > document.documentElement.clientWidth"
            )
        )

    def _heard(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.wrong.append(f"console: {message.text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((self.base, "data:", "blob:")):
            self.wrong.append(f"foreign: {request.url}")


def chromium() -> str:
    """Return the machine's Chromium; skips the test where there is none."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("no chromium on this machine")
    return found


@contextmanager
def browser() -> Iterator[Browser]:
    """Start the machine's Chromium."""
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium(), args=list(FLAGS))
        yield launched
        launched.close()


@contextmanager
def window(
    opened: Browser, base: str, *, language: str = "en", width: int = 1280
) -> Iterator[Window]:
    """Open a fresh window (no cookies) in a language and width."""
    context = opened.new_context(
        viewport={"width": width, "height": 844},
        locale="zh-CN" if language == "zh" else "en-US",
    )
    yield Window(context.new_page(), base).watch()
    context.close()


@contextmanager
def server(data: Path, *, database_url: str = "", name: str = "127.0.0.1") -> Iterator[str]:
    """Run the web server on a data folder; gives its address, ends it by its own pid."""
    port = free_port()
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "src"),
        "SPRINGTIDE_DATA": str(data),
        "SPRINGTIDE_DATABASE_URL": database_url,
        "SPRINGTIDE_SECRET": SECRET,
        "PORT": str(port),
        "SPRINGTIDE_PUBLIC_URL": f"http://{name}:{port}",
    }
    command = [sys.executable, "-m", "springtide.cli", "serve"]
    with (data / "serve.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            base = f"http://127.0.0.1:{port}"
            _wait_for(base, process)
            yield f"http://{name}:{port}"
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_for(base: str, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise AssertionError(f"the server ended with {process.returncode}")
        try:
            if httpx.get(f"{base}/log-in", timeout=5).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise AssertionError("the server did not answer in time")

"""What the locks pin: all of it is in the bill of materials, and asked about where one can ask."""

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from tools import audit, sbom
from tools.pins import LOCKS, ROOT, pins

PINS = pins()


def test_every_pin_of_every_lock_is_found() -> None:
    for lock in LOCKS:
        lines = (ROOT / lock).read_text().splitlines()
        written = {line.split(" ")[0] for line in lines if "==" in line and line[0].isalnum()}
        assert written, f"{lock} pins nothing"
        assert written <= {f"{pin.name}=={pin.version}" for pin in PINS}, lock
    packages = json.loads((ROOT / "assets/package-lock.json").read_text())["packages"]
    assert {pin.name for pin in PINS if pin.ecosystem == "npm"} == {
        path.removeprefix("node_modules/") for path in packages if path
    }
    assert [pin.name for pin in PINS if not pin.hashes] == []


def test_the_bill_of_materials_names_every_package_once_with_its_digests() -> None:
    bill = json.loads(sbom.write(PINS))
    components = {component["purl"]: component for component in bill["components"]}
    assert len(components) == len(bill["components"]) == len(PINS)
    litestar = next(pin for pin in PINS if pin.name == "litestar")
    told = components[f"pkg:pypi/litestar@{litestar.version}"]
    assert told["scope"] == "required"
    assert told["licenses"]
    assert {each["content"] for each in told["hashes"]} == {digest for _, digest in litestar.hashes}
    assert components["pkg:npm/%40tabler/core@1.6.1"]["scope"] == "required"
    assert next(c for c in components.values() if c["name"] == "pytest")["scope"] == "excluded"


def test_what_nobody_else_wants_hangs_on_springtide_itself() -> None:
    bill = json.loads(sbom.write(PINS))
    tree = {each["ref"]: set(each.get("dependsOn", ())) for each in bill["dependencies"]}
    reached, open_ = set(), ["springtide"]
    while open_:
        ref = open_.pop()
        if ref not in reached:
            reached.add(ref)
            open_ += tree.get(ref, ())
    assert {component["bom-ref"] for component in bill["components"]} <= reached


def test_a_known_hole_is_told_with_the_package_it_is_in() -> None:
    def answer(queries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {"vulns": [{"id": "TEST-1"}]} if query["package"]["name"] == "echarts" else {}
            for query in queries
        ]

    with service(answer) as address:
        holes = audit.known_holes(PINS, address)
    assert [(hole.pin.ecosystem, hole.pin.name, hole.id) for hole in holes] == [
        ("npm", "echarts", "TEST-1")
    ]


def test_holes_on_a_further_page_are_told_too() -> None:
    def answer(queries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            {"vulns": [{"id": f"TEST-{query.get('page_token', '1')}"}]}
            | ({} if "page_token" in query else {"next_page_token": "2"})
            for query in queries
        ]

    with service(answer) as address:
        holes = audit.known_holes(PINS[:2], address)
    assert [hole.id for hole in holes] == ["TEST-1", "TEST-1", "TEST-2", "TEST-2"]


@pytest.mark.parametrize("cut", [1, 10_000])
def test_answers_for_a_part_of_the_packages_are_no_answer(cut: int) -> None:
    short = service(lambda queries: [{} for _ in queries][cut:])
    with short as address, pytest.raises(audit.NoData):
        audit.known_holes(PINS, address)


def test_who_cannot_be_asked_says_that_nothing_is_known() -> None:
    with pytest.raises(audit.NoData):
        audit.known_holes(PINS, "http://127.0.0.1:1")


def test_no_pinned_package_has_a_known_hole() -> None:
    try:
        holes = audit.known_holes(PINS, os.environ.get("SPRINGTIDE_OSV", audit.SERVICE))
    except audit.NoData as error:
        pytest.skip(f"nothing is known on this machine: {error}")
    assert [f"{hole.pin.name} {hole.pin.version}: {hole.id}" for hole in holes] == []


@contextmanager
def service(answer: Any) -> Iterator[str]:
    """An OSV service on loopback that answers as a test says."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            sent = json.dumps({"results": answer(body["queries"])}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()

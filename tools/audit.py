"""Ask an OSV service for known holes in what the locks pin: ``python -m tools.audit``.

The service is the public one, or the one (a mirror inside the house) that SPRINGTIDE_OSV names.
Ends with 0 when every package was asked about and none has a hole, with 1 when one has, and with 3
when the service could not be asked: then nothing is known, which is not the same as none.
"""

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx

from tools.pins import Pin, pins

SERVICE = "https://api.osv.dev"
HOLES, NO_DATA = 1, 3
_BATCH = 500
_SECONDS = 20.0
_PAGES_MAX = 50


@dataclass(frozen=True, slots=True)
class Hole:
    """A known hole of a pinned package."""

    pin: Pin
    id: str


class NoData(Exception):
    """The service cannot be asked, or does not answer as OSV does."""


def main() -> None:
    """Tell what is known of the pinned packages."""
    found = pins()
    service = os.environ.get("SPRINGTIDE_OSV", SERVICE)
    try:
        holes = known_holes(found, service)
    except NoData as error:
        sys.stderr.write(
            f"audit: {service} could not be asked ({error}), so nothing is known. "
            "Name a service that answers with SPRINGTIDE_OSV=https://...\n"
        )
        sys.exit(NO_DATA)
    for hole in holes:
        sys.stdout.write(f"{hole.pin.name} {hole.pin.version} ({hole.pin.purpose}): {hole.id}\n")
    sys.stdout.write(f"audit: {len(found)} packages asked about, {len(holes)} known holes\n")
    if holes:
        sys.exit(HOLES)


def known_holes(found: list[Pin], service: str) -> list[Hole]:
    """Return the known holes of these packages; raises NoData."""
    try:
        with httpx.Client(base_url=service, timeout=_SECONDS) as client:
            return [hole for part in _parts(found) for hole in _asked(client, part)]
    except httpx.HTTPError as error:
        raise NoData(type(error).__name__) from error


def _parts(found: list[Pin]) -> Iterator[list[Pin]]:
    for start in range(0, len(found), _BATCH):
        yield found[start : start + _BATCH]


def _asked(client: httpx.Client, part: list[Pin]) -> list[Hole]:
    holes, open_, pages = [], [(pin, "") for pin in part], 0
    while open_:
        pages += 1
        if pages > _PAGES_MAX:
            raise NoData("it goes on without an end")
        queries = [_query(pin, page) for pin, page in open_]
        answer = client.post("/v1/querybatch", json={"queries": queries})
        answer.raise_for_status()
        results = _results(answer, len(queries))
        further = []
        for (pin, _), result in zip(open_, results, strict=True):
            holes += [Hole(pin, str(each["id"])) for each in result.get("vulns") or ()]
            if result.get("next_page_token"):
                further.append((pin, str(result["next_page_token"])))
        open_ = further
    return holes


def _query(pin: Pin, page: str) -> dict[str, Any]:
    query = {"version": pin.version, "package": {"name": pin.name, "ecosystem": pin.ecosystem}}
    return {**query, "page_token": page} if page else query


def _results(answer: httpx.Response, count: int) -> list[dict[str, Any]]:
    try:
        results = answer.json()["results"]
    except (ValueError, KeyError, TypeError) as error:
        raise NoData("it does not answer as OSV does") from error
    # One answer a question, in their order: a shorter list would pass packages unseen.
    if not isinstance(results, list) or len(results) != count:
        raise NoData(f"{count} questions, but not as many answers")
    return results


if __name__ == "__main__":
    main()

"""Made-up calls of the API on both databases, as many as ``CALLS_SECONDS`` allow for each key."""

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from springtide.bootstrap import real_instant
from springtide.kit.db import Database
from springtide.migrations import migrate
from springtide.site import create_app
from tests.kit import postgres
from tests.kit.calls import made_up_shop, try_calls

SECONDS = int(os.environ.get("CALLS_SECONDS", "600"))
EXAMPLES = int(os.environ.get("CALLS_EXAMPLES", "100"))


def run() -> list[dict[str, Any]]:
    """Call every operation with every kind of key; tell how many calls broke the API's word."""
    found = []
    with tempfile.TemporaryDirectory() as place, postgres.server() as address:
        folder = Path(place)
        urls = {"SQLite": f"sqlite:///{folder / 'state.db'}", "PostgreSQL": f"{address}/postgres"}
        for name, url in urls.items():
            database = Database(url)
            database.clock = real_instant
            migrate(database)
            house, keys = made_up_shop(folder / name, database)
            for kind, token in keys.items():
                found.append(_measure(f"{kind} key, {name}", create_app(house), token))
            house.close()
    return found


def _measure(name: str, app: Any, token: str) -> dict[str, Any]:
    tried = try_calls(app, token, examples=EXAMPLES, seconds=SECONDS)
    for broken, why in tried.broken.items():
        sys.stderr.write(f"{name}: {broken}: {why}\n\n")
    return {
        "name": f"made-up calls: {name}, {sum(tried.calls.values()):,} in {dict(tried.calls)}",
        "value": len(tried.broken),
        "unit": "kinds of broken promises",
        "goal": "0",
        "met": not tried.broken,
    }

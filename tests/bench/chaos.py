"""500 kills with -9 and every other trouble under full traffic, on both databases.

``SPRINGTIDE_CHAOS_SEED`` is another night, ``SPRINGTIDE_CHAOS_KILLS`` a longer or shorter one.
"""

import os
import tempfile
from pathlib import Path
from typing import Any

from tests.kit.chaos import HEAL_SECONDS, Night, night

KILLS = int(os.environ.get("SPRINGTIDE_CHAOS_KILLS", "500"))
SEED = int(os.environ.get("SPRINGTIDE_CHAOS_SEED", "1111"))


def run() -> list[dict[str, Any]]:
    """Run one night on each database; report what was killed, told, and how long healing took."""
    return _rows("SQLite", is_sqlite=True) + _rows("PostgreSQL", is_sqlite=False)


def _rows(name: str, *, is_sqlite: bool) -> list[dict[str, Any]]:
    print(f"chaos on {name}: seed {SEED}, {KILLS // 2} kills", flush=True)  # noqa: T201
    with tempfile.TemporaryDirectory(prefix="springtide-chaos-") as folder:
        came = night(
            is_sqlite=is_sqlite,
            seed=SEED,
            kills=KILLS // 2,
            others=max(KILLS // 60, 1),
            sales=max(KILLS // 80, 1),
            folder=Path(folder),
        )
    return [
        {
            "name": f"chaos: kill -9 survived, nothing lost or done twice, {name} (seed {SEED})",
            "value": came.kills,
            "unit": "kills",
            "goal": KILLS // 2,
            # What must hold is asserted; a night without traffic would show nothing.
            "met": came.kills >= KILLS // 2 and came.told.count > came.kills,
            "baseline": _described(came),
        },
        {
            "name": f"chaos: seconds until all was healed, {name}",
            "value": came.heal_seconds,
            "unit": "s",
            "goal": HEAL_SECONDS,
            "met": came.heal_seconds <= HEAL_SECONDS,
            "baseline": f"a night of {came.seconds:,.0f} s",
        },
    ]


def _described(came: Night) -> str:
    told = came.told
    moves = ", ".join(f"{count} {kind}" for kind, count in sorted(came.moves.items()))
    parts = (
        f"{len(told.claims):,} claims", f"{len(told.orders):,} orders",
        f"{len(told.payments):,} payments", f"{len(told.events):,} events",
        f"{len(told.files):,} files", f"{told.unavailable.total():,} asked again",
    )  # fmt: skip
    return f"{moves}; acknowledged {', '.join(parts)}"

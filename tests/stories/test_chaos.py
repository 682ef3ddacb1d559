"""A short night on which all fails, on both databases; the long one: make bench ONLY=chaos."""

import os
from pathlib import Path

import pytest

from tests.kit.chaos import moves, night

SEED = int(os.environ.get("SPRINGTIDE_CHAOS_SEED", "11"))


@pytest.mark.parametrize("is_sqlite", [True, False], ids=["sqlite", "postgresql"])
def test_nothing_is_lost_or_done_twice_and_all_heals(is_sqlite: bool, tmp_path: Path) -> None:
    came = night(is_sqlite=is_sqlite, seed=SEED, kills=10, others=1, sales=1, folder=tmp_path)
    print(came.moves, came.told.count, came.told.unavailable, round(came.heal_seconds, 1))  # noqa: T201
    assert came.kills == 10
    assert came.told.count > 20


def test_a_seed_is_a_night() -> None:
    plan = moves(seed=1, kills=40, others=2, is_sqlite=False)
    assert plan == moves(seed=1, kills=40, others=2, is_sqlite=False)
    assert plan != moves(seed=2, kills=40, others=2, is_sqlite=False)
    assert len([move for move in plan if move.kind in ("server", "worker", "backend")]) > 20
    assert {move.kind for move in plan} >= {"full", "frozen", "clock", "away", "postmaster"}

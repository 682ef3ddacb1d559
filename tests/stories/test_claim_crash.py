"""The server is killed again and again while customers claim; nothing is lost or given twice."""

from pathlib import Path

from tests.kit.claim_crash import crash

#: On each of the two databases.
KILLS = 30


def test_claims_survive_kill_9(database_url: str, tmp_path: Path) -> None:
    seen, kills = crash(database_url, tmp_path / "data", kills=KILLS)
    assert kills == KILLS
    assert seen.retries > 0
    assert len(seen.acknowledged) > KILLS
    assert set(seen.refused) <= {"reward_sold_out"}
    assert seen.refused["reward_sold_out"] > 0

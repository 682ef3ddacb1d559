"""A draw from its promise to its proof: the public page, the list, the command that checks it."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from litestar.testing import TestClient

from springtide.cli.draw import verify
from springtide.domain.rewards.proof import Odds, ProofFailed, promise_of
from springtide.site import Site
from tests.kit.house import TestHouse, shop_in
from tests.kit.rewards import attempt, claimed, published

PRIZES = [
    {"name": "茶杯", "what": "gift", "stock": 4, "odds_ppm": 200_000},
    {"name": "<i>points</i>", "what": "points", "stock": 9, "odds_ppm": 300_000, "amount": 5},
]


def test_a_draw_is_proven(
    client: TestClient[Site],
    sqlite_house: TestHouse,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    house, shop = sqlite_house, shop_in(sqlite_house)
    draw = published(house.db, shop, "draw", {"prizes": PRIZES}, now=house.clock, quantity=200)
    tries = [attempt(draw.id, f"customer-{n}") for n in range(60)]
    claimed(house.db, shop, *tries, now=house.clock)

    before = client.get(f"/draws/{draw.key}").text
    odds = [Odds(str(p["name"]), p["stock"], p["odds_ppm"]) for p in PRIZES]  # type: ignore[arg-type]
    assert promise_of(draw.seed, draw.key, odds) in before
    assert draw.seed not in before
    assert "20.0000%" in before
    assert "&lt;i&gt;points" in before
    early = client.get(f"/draws/{draw.key}/list.json")
    assert early.status_code == 409

    house.clock += timedelta(days=2)
    after = client.get(f"/draws/{draw.key}")
    assert draw.seed in after.text
    assert "60" in after.text
    assert "customer-1" not in after.text
    file = tmp_path / "list.json"
    file.write_bytes(client.get(f"/draws/{draw.key}/list.json").content)
    verify(file)
    said = capsys.readouterr().out
    assert "60 entries follow from the seed" in said
    assert "4 of 4  茶杯" in said

    changed = json.loads(file.read_text())
    changed["entries"][7]["prize"] = "茶杯" if changed["entries"][7]["prize"] is None else None
    file.write_text(json.dumps(changed))
    with pytest.raises(ProofFailed):
        verify(file)


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b"\xff\x00", b'{"draw": 1}'])
def test_what_is_no_list_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "list.json"
    file.write_bytes(content)
    with pytest.raises(ProofFailed):
        verify(file)
    with pytest.raises(ProofFailed):
        verify(tmp_path / "nothing.json")


@pytest.mark.parametrize("key", ["rwd_x", "nothing", "rwd_00000000000000000000000007"])
def test_what_is_no_draw_has_no_page(client: TestClient[Site], key: str) -> None:
    assert client.get(f"/draws/{key}").status_code == 404
    assert client.get(f"/draws/{key}/list.json").status_code == 404


def test_drafts_and_other_rewards_have_no_public_page(
    client: TestClient[Site], sqlite_house: TestHouse
) -> None:
    shop = shop_in(sqlite_house)
    daily = published(
        sqlite_house.db, shop, "check_in", {"points": [1]}, now=sqlite_house.clock, quantity=5
    )
    assert client.get(f"/draws/{daily.key}").status_code == 404

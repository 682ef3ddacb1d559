"""Claims from several clients while the server is killed over and over, and what holds after."""

import http.client
import json
import random
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from springtide.domain.access.model import Scope
from springtide.domain.ledger.queries import account, imbalances
from springtide.domain.rewards.queries import claim_count, claims_of_reward
from springtide.kit.db import Database
from springtide.kit.ids import outward
from tests.kit.fork_server import ForkServer, fork_server
from tests.kit.house import SECRET, TestHouse, key_in, settings_in, shop_in
from tests.kit.rewards import RULE, published

CLIENTS = 4
STOCK = 100_000
DRAW = {
    "prizes": [
        {"name": "cup", "what": "gift", "stock": 50, "odds_ppm": 100_000},
        {"name": "points", "what": "points", "amount": 7, "stock": 60, "odds_ppm": 200_000},
    ]
}


@dataclass
class Seen:
    """What clients were told: the claim of each key, and refusals by code."""

    acknowledged: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    retries: int = 0


def crash(database_url: str, folder: Path, *, kills: int, seed: int = 1) -> tuple[Seen, int]:
    """Run clients against a server that is killed so many times; return what they saw.

    Asserts that every acknowledged claim is there once, that its key has the same answer again,
    that claims equal what left the stock, and that the ledger sums to zero.
    """
    database = Database(database_url)
    house = TestHouse(settings_in(folder, database_url), database)
    house.clock = datetime.now(UTC)  # noqa: TID251 - the server beside it has the real clock
    shop = shop_in(house)
    token = key_in(house, shop, Scope.CLAIMS_WRITE)
    now = house.clock - timedelta(minutes=1)
    coupon = published(database, shop, "coupon", {"rule": RULE}, now=now, quantity=STOCK)
    draw = published(database, shop, "draw", DRAW, now=now, quantity=STOCK, per_customer=None)
    small = published(database, shop, "coupon", {"rule": RULE}, now=now, quantity=25)
    seen, stop = Seen(), threading.Event()
    environment = {
        "SPRINGTIDE_DATA": str(folder),
        "SPRINGTIDE_DATABASE_URL": database_url,
        "SPRINGTIDE_SECRET": SECRET,
    }
    rewards = [coupon.key, draw.key, small.key]
    with fork_server(environment) as server:
        clients = [
            threading.Thread(target=_client, args=(number, server.port, token, rewards, seen, stop))
            for number in range(CLIENTS)
        ]
        server.start()
        for client in clients:
            client.start()
        _kill_at_random(server, kills, random.Random(seed))
        stop.set()
        for client in clients:
            client.join(60)
        # Once more, every key that was ever acknowledged: the same answer, and no other effect.
        for key, answer in list(seen.acknowledged.items())[-50:]:
            again = _ask(server.port, token, key, answer["reward"], answer["customer_key"])
            assert again is not None
            assert again[0] == 201
            assert (again[1]["claim"], again[1]["replayed"]) == (answer["claim"], True)
    with database.read() as tx:
        assert imbalances(tx, shop_id=shop.id) == []
        told = {answer["claim"] for answer in seen.acknowledged.values()}
        assert len(told) == len(seen.acknowledged)
        kept: set[str] = set()
        for reward in (coupon, draw, small):
            count = claim_count(tx, reward_id=reward.id)
            rows = claims_of_reward(tx, reward_id=reward.id, limit=STOCK)
            assert len(rows) == count
            kept |= {outward("clm", claim.id) for claim in rows}
            left = account(tx, shop_id=shop.id, key=reward.left)
            assert left.available == reward.terms.quantity - count
            assert left.available >= 0
        assert told <= kept
    house.close()
    return seen, server.kills


def _kill_at_random(server: ForkServer, kills: int, chance: random.Random) -> None:
    for _ in range(kills):
        time.sleep(chance.uniform(0.02, 0.25))
        server.kill()
        server.start()


def _client(
    number: int, port: int, token: str, rewards: list[str], seen: Seen, stop: threading.Event
) -> None:
    """Claim one thing after the other, each till it is answered; keys stay through retries."""
    turn = 0
    while not stop.is_set():
        turn += 1
        key, customer = f"k{number}-{turn}", f"c{number}-{turn}"
        reward = rewards[turn % len(rewards)]
        while True:
            answer = _ask(port, token, key, reward, customer)
            if answer is not None:
                break
            seen.retries += 1
            time.sleep(0.005)
        status, document = answer
        if status == 201:
            seen.acknowledged[key] = document
        else:
            code = document["code"]
            seen.refused[code] = seen.refused.get(code, 0) + 1


def _ask(
    port: int, token: str, key: str, reward: str, customer: str
) -> tuple[int, dict[str, Any]] | None:
    """Send one claim; None when the server was not there, or went away before it answered."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request(
            "POST",
            "/v1/claims",
            body=json.dumps({"reward": reward, "customer_key": customer}),
            headers={"Authorization": f"Bearer {token}", "Idempotency-Key": key},
        )
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    except (OSError, http.client.HTTPException, ValueError):
        return None
    finally:
        connection.close()

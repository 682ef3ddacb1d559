"""Carts priced through the API, in one process: the same carts and rules as in memory."""

import random
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec
from litestar.testing import TestClient

from springtide.domain.access.act import Act
from springtide.domain.access.model import Scope, Shop
from springtide.domain.campaigns import operations as campaigns
from springtide.domain.campaigns.model import Goals
from springtide.domain.catalog.model import Product
from springtide.domain.catalog.operations import upsert_products
from springtide.domain.pricing import operations as pricing
from springtide.domain.pricing.book import BookPrice, Terms
from springtide.domain.pricing.engine import price
from springtide.domain.pricing.model import PriceFacts
from springtide.domain.pricing.plan import Plan
from springtide.domain.pricing.queries import active_plan
from springtide.domain.pricing.rule import ActiveRule, Stacking
from springtide.kit.db import Database
from springtide.migrations import migrate
from springtide.site import create_app
from tests.bench.price import NOW, carts, rules, shop
from tests.kit.house import ACTOR, TestHouse, key_in, settings_in, shop_in

CARTS = 300


def run() -> list[dict[str, Any]]:
    """Measure quotes a second over the ASGI application, with 10 and with 100 rules."""
    return [row for count in (10, 100) for row in _measured(count)]


def _measured(count: int) -> list[dict[str, Any]]:
    chance = random.Random(7)
    book, made = shop(chance), rules(count, chance)
    some = carts(book, chance, CARTS)
    with tempfile.TemporaryDirectory(prefix="springtide-bench-") as folder:
        url = f"sqlite:///{folder}/state.db"
        database = Database(url)
        migrate(database)
        house = TestHouse(settings_in(Path(folder), url), database)
        of = shop_in(house)
        _fill(house, of, book, made)
        with database.read() as tx:
            plan = active_plan(tx, shop_id=of.id, zone=of.zone_name, now=house.real_now())
        headers = {"Authorization": f"Bearer {key_in(house, of, *Scope)}"}
        bodies = [
            {
                "lines": msgspec.to_builtins(cart.lines),
                "shipping_minor": cart.shipping_minor,
                "explain": False,
            }
            for cart in some
        ]
        times = []
        with TestClient(create_app(house), base_url="http://testserver.local") as client:
            for body in bodies[:20]:
                client.post("/v1/quotes", json=body, headers=headers).raise_for_status()
            for body in bodies:
                begin = time.perf_counter()
                client.post("/v1/quotes", json=body, headers=headers).raise_for_status()
                times.append(time.perf_counter() - begin)
        house.close()
    alone = _in_memory(some, plan, book)
    median = statistics.median(times)
    return [
        {
            "name": f"quotes over the API, {count} rules, one client",
            "value": 1 / median,
            "unit": "quotes/s",
            "baseline": f"the engine alone: {1 / alone:,.0f}",
            "ratio": alone / median,
        },
        {
            "name": f"a quote over the API, p99, {count} rules",
            "value": statistics.quantiles(times, n=100)[98] * 1_000,
            "unit": "ms",
        },
    ]


def _in_memory(some: list[Any], plan: Plan, book: dict[str, PriceFacts]) -> float:
    times = []
    for cart in some:
        begin = time.perf_counter()
        price(cart, plan=plan, book=book, now=NOW)
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def _fill(house: TestHouse, of: Shop, book: dict[str, PriceFacts], made: list[ActiveRule]) -> None:
    now = house.real_now()
    with house.db.write() as tx:
        products = [Product(key, key, category=facts.category) for key, facts in book.items()]
        upsert_products(Act.of(tx, of, ACTOR, now), products=products)
        prices = {
            key: BookPrice(facts.regular_minor, facts.floor_minor, facts.cost_minor, facts.tax_bps)
            for key, facts in book.items()
        }
        pricing.set_book_prices(Act.of(tx, of, ACTOR, now), prices=prices, why="bench")
        sale = campaigns.create_campaign(
            Act.of(tx, of, ACTOR, now), name="bench", day=now.date(), goals=Goals()
        )
        ladders: list[str] = []
        for rule in made:
            stacking = (
                Stacking(excludes=tuple(ladders))
                if rule.kind == "threshold_ladder"
                else (Stacking())
            )
            saved = pricing.save_rule(
                Act.of(tx, of, ACTOR, now),
                campaign_id=sale.id,
                rule_id=None,
                kind=rule.kind,
                params=dict(rule.params),
                terms=Terms(conditions=rule.conditions, stacking=stacking),
            )
            if rule.kind == "threshold_ladder":
                ladders.append(saved.key)
        pricing.activate_rules(Act.of(tx, of, ACTOR, now), campaign_id=sale.id)

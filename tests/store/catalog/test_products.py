"""The catalog keeps what it is given, once a key, on both databases."""

from datetime import datetime

import pytest

from springtide.domain.access.act import Act
from springtide.domain.access.audit_queries import audit_page
from springtide.domain.catalog import queries
from springtide.domain.catalog.model import Product, Upserted
from springtide.domain.catalog.operations import upsert_products
from springtide.kit.db import Database
from springtide.kit.errors import Invalid, NotFound
from tests.kit.shops import ACTOR, new_shop

HOSTILE = [
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "'; drop table products; --",
    "100%_\\ off",
    "\x01\x1b[31m\u202e右から",
    "𝒰𝓃𝒾𝒸ℴ𝒹ℯ 🧨",
]


def test_upsert_adds_changes_and_leaves_alone(database: Database, now: datetime) -> None:
    shop = new_shop(database, now=now)
    tea, cup = Product("1", "Tea", attributes={"grams": 250}), Product("2", "Cup")
    done = []
    for products in ([tea, cup], [tea, cup], [tea, Product("2", "Mug"), Product("3", "Pot")]):
        with database.write() as tx:
            done.append(upsert_products(Act.of(tx, shop, ACTOR, now), products=products))
    assert done == [Upserted(2, 0, 0), Upserted(0, 0, 2), Upserted(1, 1, 1)]
    with database.read() as tx:
        assert queries.product(tx, shop_id=shop.id, key="1") == tea
        assert queries.product(tx, shop_id=shop.id, key="2").name == "Mug"
        assert queries.product_count(tx, shop_id=shop.id) == 3
        actions = [entry.action for entry in audit_page(tx, shop_id=shop.id)]
    assert actions.count("catalog.upsert_products") == 2


def test_the_later_of_two_products_with_one_key_wins(database: Database, now: datetime) -> None:
    shop = new_shop(database, now=now)
    with database.write() as tx:
        done = upsert_products(
            Act.of(tx, shop, ACTOR, now), products=[Product("1", "Tea"), Product("1", "Coffee")]
        )
        assert done == Upserted(1, 0, 0)
        assert queries.product(tx, shop_id=shop.id, key="1").name == "Coffee"


def test_shops_do_not_see_each_others_products(database: Database, now: datetime) -> None:
    one, other = new_shop(database, now=now), new_shop(database, now=now)
    with database.write() as tx:
        upsert_products(Act.of(tx, one, ACTOR, now), products=[Product("1", "Tea")])
    with database.read() as tx:
        assert queries.search_products(tx, shop_id=other.id) == []
        with pytest.raises(NotFound):
            queries.product(tx, shop_id=other.id, key="1")


def test_hostile_texts_are_kept_as_they_are_and_found(database: Database, now: datetime) -> None:
    shop = new_shop(database, now=now)
    products = [Product(text, text, text, text, text, {text: text}) for text in HOSTILE]
    with database.write() as tx:
        upsert_products(Act.of(tx, shop, ACTOR, now), products=products)
    with database.read() as tx:
        for product in products:
            assert queries.product(tx, shop_id=shop.id, key=product.key) == product
            assert queries.search_products(tx, shop_id=shop.id, text=product.name) == [product]
        # A wildcard in the text looked for is a letter like any other.
        assert queries.search_products(tx, shop_id=shop.id, text="%_") == [products[3]]


def test_a_product_that_cannot_be_kept_stops_the_whole_write(
    database: Database, now: datetime
) -> None:
    shop = new_shop(database, now=now)
    bad = [
        Product("1", "Tea"),
        Product(" ", "No key"),
        Product("2", "x" * 301),
        Product("3", "nul\0"),
        Product("4", "half \ud83d"),
        Product("5", "big", attributes={"text": "x" * 20_000}),
    ]
    with pytest.raises(Invalid) as refused, database.write() as tx:
        upsert_products(Act.of(tx, shop, ACTOR, now), products=bad)
    assert {field: problem.code for field, problem in refused.value.fields.items()} == {
        "products.1.key": "text_missing",
        "products.2.name": "text_too_long",
        "products.3.name": "text_unstorable",
        "products.4.name": "text_unstorable",
        "products.5.attributes": "attributes_too_large",
    }
    with database.read() as tx:
        assert queries.product_count(tx, shop_id=shop.id) == 0


def test_search_walks_every_product_once(database: Database, now: datetime) -> None:
    shop = new_shop(database, now=now)
    products = [Product(f"p{number:03}", "Tea", category="drinks") for number in range(25)]
    with database.write() as tx:
        upsert_products(Act.of(tx, shop, ACTOR, now), products=products)
    seen: list[str] = []
    with database.read() as tx:
        while page := queries.search_products(
            tx,
            shop_id=shop.id,
            text="TEA",
            category="drinks",
            after_key=seen[-1] if seen else None,
            limit=10,
        ):
            seen += [product.key for product in page]
        assert queries.search_products(tx, shop_id=shop.id, category="Drinks") == []
        assert queries.categories(tx, shop_id=shop.id) == [("drinks", 25)]
    assert seen == [product.key for product in products]


def test_a_large_catalog_goes_in_and_is_compared_as_a_whole(
    database: Database, now: datetime
) -> None:
    shop = new_shop(database, now=now)
    products = [Product(str(n), f"Product {n}", category=f"c{n % 300}") for n in range(12_000)]
    with database.write() as tx:
        assert upsert_products(Act.of(tx, shop, ACTOR, now), products=products) == Upserted(
            12_000, 0, 0
        )
        products[11_999] = Product("11999", "Another")
        assert upsert_products(Act.of(tx, shop, ACTOR, now), products=products) == Upserted(
            0, 1, 11_999
        )

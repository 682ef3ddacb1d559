"""Products with their prices as they hold now."""

from collections.abc import Sequence
from typing import Annotated, Any

from litestar import get
from litestar.params import QueryParameter
from msgspec import Meta, Struct
from sqlalchemy import Connection

from springtide.api.fields import Currency, PathKey
from springtide.api.paging import LIMIT_MAX, Cursor, Limit, Page, page_of, read_cursor
from springtide.bootstrap import House
from springtide.domain.access.model import Caller, Key, Scope
from springtide.domain.catalog import model, queries
from springtide.domain.pricing.queries import current_prices

Keys = Annotated[
    list[str] | None,
    QueryParameter(
        name="key",
        max_items=LIMIT_MAX,
        description="Only these products; repeat it, up to 200 times.",
    ),
]


class Price(Struct, kw_only=True):
    """What one piece costs now, before promotion rules, in minor units."""

    currency: Currency
    regular_minor: int
    campaign_minor: Annotated[int | None, Meta(description="In the sale that runs, if any.")]
    unit_minor: Annotated[int, Meta(description="What holds: the sale's price, else the regular.")]


class Product(Struct, kw_only=True):
    """One product; `price` is null while the price book has none."""

    key: str
    name: str
    brand: str
    category: str
    department: str
    attributes: dict[str, Any]
    price: Price | None


@get(
    "/v1/products",
    opt={"access": Key(Scope.READ)},
    sync_to_thread=True,
    tags=["products"],
    operation_id="listProducts",
    summary="List and search products",
)
def list_products(
    house: House,
    caller: Caller,
    limit: Limit = 50,
    cursor: Cursor = None,
    text: Annotated[
        str,
        QueryParameter(max_length=120, description="Looked for in key, name, brand and category."),
    ] = "",
    category: Annotated[str | None, QueryParameter(max_length=300)] = None,
    keys: Keys = None,
) -> Page[Product]:
    """List products in the order of their keys, with the prices that hold now."""
    scope = f"products {caller.shop.id} {(text, category)!r}"
    after = read_cursor(house, scope=scope, cursor=cursor)
    with house.db.read() as tx:
        if keys is not None:
            some = queries.products_by_keys(tx, shop_id=caller.shop.id, keys=keys)
            return Page(
                items=_priced(tx, house, caller, [some[key] for key in sorted(some)]),
                next_cursor=None,
            )
        rows = queries.search_products(
            tx,
            shop_id=caller.shop.id,
            text=text,
            category=category,
            after_key=after,
            limit=limit + 1,
        )
        found, next_cursor = page_of(
            house, scope=scope, rows=rows, limit=limit, position=lambda product: product.key
        )
        return Page(items=_priced(tx, house, caller, found), next_cursor=next_cursor)


@get(
    "/v1/products/{key:str}",
    opt={"access": Key(Scope.READ)},
    sync_to_thread=True,
    tags=["products"],
    operation_id="readProduct",
    summary="Read a product",
)
def read_product(house: House, caller: Caller, key: PathKey) -> Product:
    """Read one product with the price that holds now."""
    with house.db.read() as tx:
        found = queries.product(tx, shop_id=caller.shop.id, key=key)
        return _priced(tx, house, caller, [found])[0]


def _priced(
    tx: Connection, house: House, caller: Caller, products: Sequence[model.Product]
) -> list[Product]:
    shop = caller.shop
    prices = current_prices(
        tx, shop_id=shop.id, keys=[product.key for product in products], now=house.now(shop)
    )
    answer = []
    for product in products:
        price = prices.get(product.key)
        answer.append(
            Product(
                key=product.key,
                name=product.name,
                brand=product.brand,
                category=product.category,
                department=product.department,
                attributes=dict(product.attributes),
                price=None
                if price is None
                else Price(
                    currency=shop.currency,
                    regular_minor=price.regular_minor,
                    campaign_minor=price.campaign_minor,
                    unit_minor=price.unit_minor,
                ),
            )
        )
    return answer


routes: list[Any] = [list_products, read_product]

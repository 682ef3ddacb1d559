"""Products: written by the shop, read with the prices that hold now."""

from collections.abc import Sequence
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.openapi.spec import Example, OpenAPIType, Schema
from litestar.params import Body, QueryParameter
from msgspec import Meta, Struct
from sqlalchemy import Connection

from springtide.api.fields import AmountMinor, Currency, PathKey, Plain, ProductKey, PropName
from springtide.api.paging import LIMIT_MAX, Cursor, Limit, Page, page_of, read_cursor
from springtide.api.writes import idempotent
from springtide.bootstrap import House
from springtide.domain.access.act import Act
from springtide.domain.access.model import Caller, Data, Key, Scope, key_reading
from springtide.domain.catalog import model, queries
from springtide.domain.catalog.operations import upsert_products
from springtide.domain.pricing.book import TAX_BPS_MAX, BookPrice
from springtide.domain.pricing.operations import set_book_prices
from springtide.domain.pricing.queries import current_prices
from springtide.kit.money import AMOUNT_MINOR_MAX

Keys = Annotated[
    list[Annotated[str, Meta(max_length=120)]] | None,
    QueryParameter(
        name="key",
        max_items=LIMIT_MAX,
        schema_extra={"items": Schema(type=OpenAPIType.STRING, max_length=120)},
        description="Only these products; repeat it, up to 200 times.",
    ),
]


#: Products of one request.
PRODUCTS_MAX = 1_000
Text = Annotated[str, Meta(max_length=300)]


class PriceIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """A product's line in the price book, a piece, in minor units of the shop's currency."""

    regular_minor: Annotated[int, Meta(ge=1, le=AMOUNT_MINOR_MAX)]
    floor_minor: Annotated[
        int,
        Meta(ge=0, le=AMOUNT_MINOR_MAX, description="No promotion goes below it. Never shown."),
    ] = 0
    cost_minor: AmountMinor | None = None
    tax_bps: Annotated[
        int, Meta(ge=0, le=TAX_BPS_MAX, description="Rate of the tax in it, 1300 is 13%.")
    ] = 0


class ProductIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """A product as the shop knows it; without `price` the price book stays as it is."""

    key: ProductKey
    name: Text
    brand: Text = ""
    category: Text = ""
    department: Text = ""
    attributes: Annotated[
        dict[PropName, Plain], Meta(max_length=100, description="At most 100 plain values.")
    ] = {}
    price: PriceIn | None = None


class Products(Struct, kw_only=True, forbid_unknown_fields=True):
    """Products to add or to replace: all go in, or none."""

    products: Annotated[list[ProductIn], Meta(min_length=1, max_length=PRODUCTS_MAX)]


ProductsBody = Annotated[
    Products,
    Body(
        examples=[
            Example(
                summary="One product with its price",
                value={
                    "products": [
                        {
                            "key": "1029743",
                            "name": "Milk, 1 gallon",
                            "category": "Milk",
                            "price": {"regular_minor": 349, "floor_minor": 250},
                        }
                    ]
                },
            )
        ]
    ),
]


class Written(Struct, kw_only=True):
    """What became of a batch, in products."""

    new: int
    changed: int
    unchanged: int
    prices_changed: Annotated[int, Meta(description="Prices that are new or changed.")]


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
    opt={"access": key_reading(Data.CATALOG)},
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
    opt={"access": key_reading(Data.CATALOG)},
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


@post(
    "/v1/products",
    opt={"access": Key(Scope.PRODUCTS_WRITE)},
    status_code=200,
    sync_to_thread=True,
    tags=["products"],
    operation_id="writeProducts",
    summary="Add or replace products",
)
def write_products(
    request: Request[Any, Any, Any], house: House, caller: Caller, data: ProductsBody
) -> Response[Written]:
    """Add up to 1,000 products or replace them by their keys, with their regular prices.

    A price replaces the whole line of the price book: regular price, floor and cost.
    """
    shop, now = caller.shop, house.now(caller.shop)
    prices = {
        product.key: BookPrice(
            product.price.regular_minor,
            product.price.floor_minor,
            product.price.cost_minor,
            product.price.tax_bps,
        )
        for product in data.products
        if product.price
    }

    def write(tx: Connection) -> tuple[int, Written]:
        done = upsert_products(
            Act.of(tx, shop, caller.actor, now),
            products=[
                model.Product(
                    key=product.key,
                    name=product.name,
                    brand=product.brand,
                    category=product.category,
                    department=product.department,
                    attributes=product.attributes,
                )
                for product in data.products
            ],
        )
        booked = set_book_prices(Act.of(tx, shop, caller.actor, now), prices=prices, why="API")
        return 200, Written(
            new=done.new,
            changed=done.changed,
            unchanged=done.unchanged,
            prices_changed=booked.new + booked.changed,
        )

    return idempotent(house, caller, request, data, write)


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


routes: list[Any] = [list_products, read_product, write_products]

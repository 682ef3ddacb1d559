"""`springtide orders`: the orders that the facts tell."""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

app = typer.Typer(help="List the orders that the facts tell.", no_args_is_help=True)


@app.callback()
def orders() -> None:
    """List the orders that the facts tell."""


@app.command("list")
def list_orders(
    shop: Annotated[str, typer.Option(help="The shop's short name.")],
    state: Annotated[
        str | None,
        typer.Option(help="Only unpaid, paid, closed, partly_refunded or refunded ones."),
    ] = None,
    source: Annotated[str | None, typer.Option(help="Only those of one source.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many, the oldest first.")] = 100_000,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """List orders with what was ordered, paid and paid back; money in minor units in JSON.

    Example: `springtide orders list --shop tide --state unpaid`
    """
    from springtide.bootstrap import open_house
    from springtide.domain.access.queries import shop_by_slug
    from springtide.domain.facts.order_summaries import STATES, order_summaries
    from springtide.kit.errors import printable
    from springtide.kit.money import to_decimal
    from springtide.settings import read_settings

    if state is not None and state not in STATES:
        raise typer.BadParameter(f"--state is one of {', '.join(STATES)}")
    house = open_house(read_settings())
    try:
        with house.db.read() as tx:
            found = shop_by_slug(tx, slug=shop)
        told = order_summaries(house.facts, shop=shop, limit=limit + 1, state=state, source=source)
    finally:
        house.close()
    told, has_more = told[:limit], len(told) > limit
    if as_json:
        documents = [
            {name: _plain(value) for name, value in asdict(order).items()} for order in told
        ]
        print(
            json.dumps(
                {"count": len(told), "has_more": has_more, "orders": documents}, ensure_ascii=False
            )
        )
        return
    for order in told:
        at = order.ordered_at.astimezone(found.tz)
        print(
            f"{at:%Y-%m-%d %H:%M}  {printable(order.order_key)}  {order.state}  "
            f"{to_decimal(order.goods_minor + order.shipping_minor, found.currency):,} "
            f"{found.currency}  paid {to_decimal(order.paid_minor, found.currency):,}  "
            f"refunded {to_decimal(order.refunded_minor, found.currency):,}"
        )
    print(f"{len(told):,} orders" + (", and there are more: --limit" if has_more else ""))


def _plain(value: object) -> object:
    return value.isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else value

"""`springtide tiers`: customer levels from recency, frequency and money."""

import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from springtide.domain.customers.model import Standing, Standings

EXAMPLES = """\
Tell customers apart by days since the last order, number of orders and money paid.

Each measure is cut at 20, 40, 60 and 80 % of the customers into scores of 1 to 5 (5 is best; a
value on a cut point belongs below it); the three scores name a segment. Days count to the
analysis day in the shop's time zone; orders after it are left out. Where the facts hold no
payments, ordered money counts, and the output says so.

Example: `springtide tiers --shop demo --as-of 2018-01-07 --json`
"""


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("tiers", help=EXAMPLES)(tiers)


def tiers(
    shop: Annotated[str, typer.Option(help="The shop's short name.")],
    as_of: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Analysis day; the shop's today by default."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(min=0, help="How many customers to print; all in JSON.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Print cut points, segments and customers."""
    from springtide.bootstrap import open_house
    from springtide.domain.access.queries import shop_by_slug
    from springtide.domain.customers.queries import standings
    from springtide.settings import read_settings

    house = open_house(read_settings())
    try:
        with house.db.read() as tx:
            found = shop_by_slug(tx, slug=shop)
        day = as_of.date() if as_of else house.now(found).astimezone(found.tz).date()
        got = standings(house.facts, shop=found, as_of=day)
    finally:
        house.close()
    ranked = sorted(got.by_key.values(), key=lambda s: (-s.score, -s.money_minor, s.customer_key))
    if as_json:
        print(
            json.dumps(document(got, ranked if limit is None else ranked[:limit], found.currency))
        )
    else:
        _print_table(got, ranked[: 20 if limit is None else limit], found.currency)


def document(standings: "Standings", ranked: "list[Standing]", currency: str) -> dict[str, Any]:
    """Return the JSON object; ``cuts.money`` in major units, ``cuts.money_minor`` in minor."""
    from springtide.kit.money import exponent

    cuts, unit = standings.cuts, 10 ** exponent(currency)
    return {
        "as_of": standings.as_of.isoformat(),
        "currency": currency,
        "money": standings.money_basis,
        "cuts": {
            "recency": [float(cut) for cut in cuts.recency],
            "frequency": [float(cut) for cut in cuts.frequency],
            "money": [float(cut / unit) for cut in cuts.money],
            "money_minor": [float(cut) for cut in cuts.money],
        },
        "segments": standings.counts(),
        "customer_count": len(standings.by_key),
        "customers": [
            {
                "customer": s.customer_key,
                "recency_days": s.recency_days,
                "frequency": s.order_count,
                "money_minor": s.money_minor,
                "r": s.recency_score,
                "f": s.frequency_score,
                "m": s.money_score,
                "score": s.score,
                "segment": s.segment,
            }
            for s in ranked
        ],
    }


def _print_table(standings: "Standings", ranked: "list[Standing]", currency: str) -> None:
    from rich.console import Console
    from rich.table import Table

    from springtide.kit.money import to_decimal

    console = Console()
    people = len(standings.by_key)
    console.print(
        f"{people} customers with orders, as of {standings.as_of}; money {standings.money_basis}"
    )
    if not people:
        console.print("No order up to this day: import orders first (springtide import --help).")
        return
    table = Table("segment", "customers", "share")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, count in standings.counts().items():
        table.add_row(name, str(count), f"{100 * count / people:.1f} %")
    console.print(table)
    cuts = standings.cuts
    for label, values in (
        ("days", [f"{float(cut):g}" for cut in cuts.recency]),
        ("orders", [f"{float(cut):g}" for cut in cuts.frequency]),
        ("money", [f"{to_decimal(round(cut), currency)}" for cut in cuts.money]),
    ):
        console.print(f"cut points, {label}: {', '.join(values)}")
    detail = Table("customer", "days", "orders", f"money {currency}", "score", "segment")
    for s in ranked:
        money = str(to_decimal(s.money_minor, currency))
        detail.add_row(
            s.customer_key, str(s.recency_days), str(s.order_count), money, str(s.score), s.segment
        )
    console.print(detail)
    if people > len(ranked):
        console.print(f"{people - len(ranked)} more: --limit {people}, or --json for all")

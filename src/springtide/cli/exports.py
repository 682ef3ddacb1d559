"""`springtide export`: the tables that pages show, as files."""

from pathlib import Path
from typing import Annotated

import typer

HELP = """\
Write a table of a shop to a file: CSV (opens right in spreadsheets), XLSX or Parquet.

Without a name it lists the tables with what they need to be told. Examples:

`springtide export`

`springtide export customers --shop tide -o customers.xlsx`

`springtide export claims --shop tide --with reward=rwd_… -o claims.parquet`
"""


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("export", help=HELP)(export_table)


def export_table(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The table.")] = None,
    shop: Annotated[str, typer.Option(help="The shop's short name.")] = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file: .csv, .xlsx or .parquet.")
    ] = None,
    given: Annotated[
        list[str] | None, typer.Option("--with", metavar="NAME=VALUE", help="What it is told.")
    ] = None,
    language: Annotated[str, typer.Option(help="Of the headings: en or zh.")] = "en",
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Write a table to a file, or list the tables."""
    import msgspec

    from springtide.flows.files.export import EXPORTS

    if name is None:
        for kind, found in EXPORTS.items():
            needs = " ".join(
                f"--with {field.encode_name}=…"
                if field.required
                else f"[--with {field.encode_name}=…]"
                for field in msgspec.structs.fields(found.params)
            )
            print(f"{kind:16} {found.label}  {needs}".rstrip())
        return
    if not shop or output is None:
        raise typer.BadParameter("an export needs --shop and --output (-o)")
    pairs = [pair.partition("=") for pair in given or ()]
    if any(not sign for _, sign, _ in pairs):
        raise typer.BadParameter("--with takes NAME=VALUE")
    if output.exists() and not force:
        raise typer.BadParameter(f"{output} is there already: --force replaces it")
    rows = _write(name, shop, output, {key: value for key, _, value in pairs}, language)
    print(f"{output}: {rows:,} rows")


def _write(name: str, shop: str, output: Path, given: dict[str, str], language: str) -> int:
    import os

    from springtide.bootstrap import open_house
    from springtide.domain.access.model import Actor
    from springtide.domain.access.queries import shop_by_slug
    from springtide.flows.files.export import export
    from springtide.kit.i18n import translate
    from springtide.settings import read_settings

    house = open_house(read_settings())
    # Beside the file, so that it is whole or not there.
    half = output.with_name(f".{output.name}.part")
    try:
        with house.db.read() as tx:
            found = shop_by_slug(tx, slug=shop)
        rows = export(
            house,
            found,
            Actor("command", "export", "springtide export"),
            name=name,
            format_=output.suffix.lower().lstrip("."),
            given=given,
            path=half,
            translate=lambda text: translate(text, language),
        )
        os.replace(half, output)
    finally:
        half.unlink(missing_ok=True)
        house.close()
    return rows

"""`springtide check`: whether the installation is whole, and what to do where it is not."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from springtide.flows.installation.check import Checked

ABOUT = """\
Look at everything and say what is not as it must be; changes nothing.

The database, the facts (each file read, each fact once), the ledger, the secret, uploads and
rejects, and whether they belong together. Server and worker may run meanwhile. Exits with 1 when
something is wrong.

Example: `springtide check`
"""


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("check", help=ABOUT)(check)


def check(
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Check the installation."""
    from springtide.bootstrap import look_at_house
    from springtide.cli._progress import stages
    from springtide.flows.installation import check as checking
    from springtide.settings import read_settings

    house = look_at_house(read_settings())
    try:
        with stages() as watch:
            checked = checking.check(house, watch=watch)
    finally:
        house.close()
    if as_json:
        print(json.dumps(_document(checked)))
    else:
        _print(checked)
    if checked.findings:
        raise typer.Exit(1)


def _document(checked: "Checked") -> dict[str, object]:
    return {
        "ok": not checked.findings,
        "findings": [finding.to_json() for finding in checked.findings],
        "notes": list(checked.notes),
        "counts": checked.counts,
    }


def _print(checked: "Checked") -> None:
    from springtide.kit.errors import printable

    for finding in checked.findings:
        print(printable(f"[{finding.area}] {finding.text}"))
        print(printable(f"    What to do: {finding.way_out}"))
    for note in checked.notes:
        print(printable(f"Note: {note}"))
    if not checked.findings:
        facts, shops = checked.counts.get("sealed facts", 0), checked.counts.get("shops", 0)
        waiting = checked.counts.get("fact_tail", 0)
        print(
            f"All is well: {_counted(shops, 'shop')}, {_counted(facts, 'fact')} sealed, "
            f"{waiting:,} waiting."
        )
        return
    wrong = len(checked.findings)
    print(
        f"{_counted(wrong, 'thing')} {'is not as it' if wrong == 1 else 'are not as they'} must be."
    )


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"

"""`springtide backup`: everything that belongs together, while everything runs."""

import json
from pathlib import Path
from typing import Annotated

import typer

ABOUT = """\
Take a backup of database, facts, secret, rejects and uploads as they belong together.

Server, worker and imports go on. TO is a folder that is not there yet, or a file ending in .tar;
with --keep it is a folder of backups. Whoever reads a backup can read everything: keep it private.

Examples: `springtide backup /backup/tide-2025-11-10`

`springtide backup /backup --keep 7`
"""


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("backup", help=ABOUT)(backup)


def backup(
    to: Annotated[Path, typer.Argument(help="Where to: a new folder, or a file ending in .tar.")],
    keep: Annotated[
        int | None,
        typer.Option(
            min=1, max=10_000, help="TO is a folder of backups; so many of the newest stay."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Take a backup."""
    from springtide.bootstrap import open_house
    from springtide.cli._progress import stages
    from springtide.flows.installation.backup import back_up
    from springtide.settings import read_settings

    house = open_house(read_settings())
    try:
        with stages() as watch:
            done = back_up(house, to, keep=keep, watch=watch)
    finally:
        house.close()
    manifest = done.manifest
    document = {
        "place": str(done.place),
        "made_at": manifest.made_at.isoformat(timespec="seconds"),
        "bytes": done.size,
        "files": len(manifest.files),
        "sealed_facts": manifest.sealed_facts,
        "waiting_facts": manifest.waiting_facts,
        "removed": done.removed,
    }
    if as_json:
        print(json.dumps(document))
        return
    facts = manifest.sealed_facts + manifest.waiting_facts
    print(f"Backed up and read again: {done.place}")
    print(f"{facts:,} facts, {len(manifest.files):,} files, {done.size:,} bytes.")
    if done.removed:
        print(f"{done.removed:,} older backups removed.")

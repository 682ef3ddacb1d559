"""`springtide restore`: a backup back into its place, or into a new one."""

import json
from pathlib import Path
from typing import Annotated

import typer

ABOUT = """\
Restore a backup into SPRINGTIDE_DATA and SPRINGTIDE_DATABASE_URL: all of it, or nothing.

Stop server and worker first. The place has to be empty; with --replace, what is there is kept
aside. The backup of one database can be restored into the other. What would go out of the house
(letters) and was due since the backup waits for a person.

Example: `springtide restore /backup/tide-2025-11-10`
"""


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("restore", help=ABOUT)(restore)


def restore(
    source: Annotated[Path, typer.Argument(metavar="FROM", help="The backup: a folder or .tar.")],
    replace: Annotated[
        bool, typer.Option("--replace", help="Keep aside what is there, and restore.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Restore a backup."""
    from springtide.bootstrap import real_instant
    from springtide.cli._progress import stages
    from springtide.flows.installation import restore as restoring
    from springtide.kit.private import write_privately
    from springtide.settings import read_target

    write_privately()
    data, url, secret = read_target()
    target = restoring.Target(data, url, secret)
    with stages() as watch:
        done = restoring.restore(source, target, now=real_instant(), replace=replace, watch=watch)
    manifest = done.manifest
    document = {
        "data": str(data),
        "made_at": manifest.made_at.isoformat(timespec="seconds"),
        "sealed_facts": manifest.sealed_facts,
        "waiting_facts": manifest.waiting_facts,
        "held_actions": done.held,
        "kept_aside": str(done.before) if done.before else None,
        "kept_schema": done.schema,
    }
    if as_json:
        print(json.dumps(document))
        return
    facts = manifest.sealed_facts + manifest.waiting_facts
    print(f"Restored as of {document['made_at']}: {facts:,} facts.")
    if done.held:
        print(f"{done.held:,} actions that may have gone out since wait for a person.")
    if done.before:
        print(f"What was there before is kept in {done.before}; remove it when all is well.")
    if done.schema:
        print(f"The older tables are in the schema {done.schema}; drop it when all is well.")
    print("Start server and worker, then look at what was sent and paid since the backup.")

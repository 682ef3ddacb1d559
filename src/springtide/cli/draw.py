"""`springtide draw`: check the published list of a draw."""

from pathlib import Path
from typing import Annotated

import typer

ABOUT = """\
Check draws.

Example: `springtide draw verify rwd_01….json`
"""
VERIFY = """\
Draw a published list again and say whether it comes out the same.

FILE is the JSON that a draw's public page offers when the draw is over. Needs no shop and no
network. Ends with 1 when the list does not follow from its seed.

Example: `springtide draw verify rwd_01….json`
"""
#: Above what the list of the most entries that a draw has comes to.
FILE_BYTES_MAX = 1_000_000_000


def register(root: typer.Typer) -> None:
    """Add the group."""
    group = typer.Typer(help=ABOUT, no_args_is_help=True)
    group.command("verify", help=VERIFY)(verify)
    root.add_typer(group, name="draw")


def verify(file: Annotated[Path, typer.Argument(help="The published list, as JSON.")]) -> None:
    """Check one list."""
    import msgspec

    from springtide.domain.rewards import proof

    try:
        size = file.stat().st_size
        raw = file.read_bytes() if size <= FILE_BYTES_MAX else b""
    except OSError as error:
        raise proof.ProofFailed(why=f"{file}: {error.strerror}") from error
    if size > FILE_BYTES_MAX:
        raise proof.ProofFailed(why=f"{file} is larger than {FILE_BYTES_MAX:,} bytes")
    try:
        found = msgspec.json.decode(raw, type=proof.DrawList)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise proof.ProofFailed(why=f"{file} is no published list ({error})") from error
    counts = proof.verify(found)
    print(f"{found.draw}: {len(found.entries):,} entries follow from the seed that was promised.")
    for prize in found.prizes:
        print(f"  {counts[prize.name]:>8,} of {prize.stock:,}  {prize.name}")

"""The proof of a draw: the seed is promised before it opens and shown when it is over.

Before the opening the odds, the stocks and the SHA-256 of the seed are published. Every entry gets
the next number; its result follows from the seed and the number (HMAC-SHA-256) and from what is
left of each prize. When the draw is over the seed and the list are published, and anyone can work
out every result again.
"""

import hashlib
from collections.abc import Sequence

import msgspec

from springtide.domain.rewards.shares import number_of
from springtide.kit.errors import N_, Refusal

WHOLE_PPM = 1_000_000
ENTRIES_MAX = 5_000_000


class Odds(msgspec.Struct, frozen=True):
    """What is published of a prize: its name, its stock, its odds in millionths."""

    name: str
    stock: int
    odds_ppm: int


class Entry(msgspec.Struct, frozen=True):
    """One entry of the published list: its number, who (masked), and the prize or nothing."""

    number: int
    who: str
    prize: str | None


class DrawList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The published list of a draw that is over."""

    draw: str
    seed_sha256: str
    seed: str
    prizes: tuple[Odds, ...]
    entries: tuple[Entry, ...]


class ProofFailed(Refusal):
    """A list that does not follow from its seed."""

    code = "draw_proof"
    text = N_("The draw does not check: {why}")


def promise_of(seed: str) -> str:
    """Return what is published of a seed before the draw: its SHA-256, in hexadecimal."""
    return hashlib.sha256(bytes.fromhex(seed)).hexdigest()


def result_of(
    seed: str, draw: str, number: int, prizes: Sequence[Odds], stocks: Sequence[int]
) -> int | None:
    """Return the place of the prize that an entry wins, or None; a prize that is gone is nothing.

    The number's 64 bits fall, as a part of a million, into the prizes' odds one after the other.
    """
    roll = number_of(seed, f"{draw}:{number}") * WHOLE_PPM >> 64
    for place, prize in enumerate(prizes):
        if roll < prize.odds_ppm:
            return place if stocks[place] > 0 else None
        roll -= prize.odds_ppm
    return None


def verify(found: DrawList) -> dict[str, int]:
    """Draw the whole list again; return how often each prize was won, or raise ProofFailed."""
    try:
        promise = promise_of(found.seed)
    except ValueError:
        raise ProofFailed(why=N_("the seed is not hexadecimal")) from None
    if promise != found.seed_sha256:
        raise ProofFailed(why=N_("the seed is not the one that was promised"))
    stocks = [prize.stock for prize in found.prizes]
    counts = {prize.name: 0 for prize in found.prizes}
    for place, entry in enumerate(found.entries, 1):
        if entry.number != place:
            raise ProofFailed(why=f"entry {place} is missing, or {entry.number} stands twice")
        won = result_of(found.seed, found.draw, place, found.prizes, stocks)
        expected = None if won is None else found.prizes[won].name
        if entry.prize != expected:
            raise ProofFailed(why=f"entry {place} won {expected}, the list says {entry.prize}")
        if won is not None:
            stocks[won] -= 1
            counts[found.prizes[won].name] += 1
    return counts

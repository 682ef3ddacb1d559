"""The proof of a draw: its seed, odds and stocks are promised before it opens, shown afterwards.

Before the opening the odds, the stocks and one SHA-256 over them and the seed are published. Every
entry gets the next number; its result follows from the seed and the number (HMAC-SHA-256) and from
what is left of each prize. When the draw is over the seed and the list are published, and anyone
can work out every result again: who entered knows their number, and finds it in the list.
"""

import hashlib
from collections.abc import Sequence

import msgspec

from springtide.domain.rewards.packet_split import number_of
from springtide.kit.canonical import to_json
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
    promise: str
    seed: str
    prizes: tuple[Odds, ...]
    entries: tuple[Entry, ...]


class ProofFailed(Refusal):
    """A list that does not follow from its seed."""

    code = "draw_proof"
    text = N_("The draw does not check: {why}")


def promise_of(seed: str, draw: str, prizes: Sequence[Odds]) -> str:
    """Return what binds a draw before it opens: a SHA-256 in hexadecimal.

    Over the draw's key, its prizes (name, stock, odds) and its seed as canonical JSON: UTF-8, keys
    in order, no spaces. The seed alone would leave odds and stocks to be changed afterwards.
    """
    promised = {
        "draw": draw,
        "prizes": [[each.name, each.stock, each.odds_ppm] for each in prizes],
        "seed": seed,
    }
    return hashlib.sha256(to_json(promised).encode()).hexdigest()


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
    if len(found.entries) > ENTRIES_MAX:
        raise ProofFailed(why=f"more than {ENTRIES_MAX:,} entries, which no draw has")
    if promise_of(found.seed, found.draw, found.prizes) != found.promise:
        raise ProofFailed(why=N_("seed, odds or stocks are not those that were promised"))
    try:
        bytes.fromhex(found.seed)
    except ValueError:
        raise ProofFailed(why=N_("the seed is not hexadecimal")) from None
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

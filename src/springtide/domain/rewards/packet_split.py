"""How a packet's money is parted: by double mean, or so that every place has the same odds.

Pure, and the same for the same seed: what anybody got can be worked out again.
"""

import hashlib
import hmac
import random
from functools import lru_cache


def number_of(seed: str, label: str) -> int:
    """Return 64 random bits that follow from a seed and a label (HMAC-SHA-256)."""
    digest = hmac.new(bytes.fromhex(seed), label.encode(), hashlib.sha256).digest()
    return int.from_bytes(digest[:8], "big")


def double_mean(seed: str, label: str, *, left: int, count: int, least: int) -> int:
    """Return the next share of what is left for ``count`` people, in minor units.

    Evenly spread from ``least`` to twice the mean of what is left, so the expected share is the
    same at every place, while its spread grows towards the end; the last takes all.
    """
    if count == 1:
        return left
    # Twice the mean less the least, so that the mean of the even spread is the mean itself; what
    # does not come out even is rounded by chance, or the first would always lose a little.
    most, rest = divmod(2 * left - least * count, count)
    if rest and number_of(seed, f"{label}:rest") % count < rest:
        most += 1
    return least + number_of(seed, label) % (most - least + 1)


@lru_cache(maxsize=64)
def even_odds(seed: str, *, total: int, count: int, least: int) -> tuple[int, ...]:
    """Return all shares of a packet, each division into parts of at least ``least`` as likely.

    Cuts at random places between the parts (stars and bars), so the odds of a share, not only
    its mean, are the same at every place. In minor units; they sum to the total.
    """
    spare = total - least * count
    chance = random.Random(bytes.fromhex(seed))  # noqa: S311 - the seed is the secret
    cuts = sorted(chance.sample(range(spare + count - 1), count - 1))
    shares = []
    before = -1
    for cut in (*cuts, spare + count - 1):
        shares.append(least + cut - before - 1)
        before = cut
    return tuple(shares)

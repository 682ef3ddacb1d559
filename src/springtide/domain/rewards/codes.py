"""Codes in batches: unguessable, readable, each good for one claim.

A code is eleven random letters of Crockford's base 32 (55 bits: among a million codes a guess is
right once in 3·10^10) and a check letter (Luhn's sum modulo 32), so a slip of the keyboard is told
apart from a code that nobody made. It is written in groups of four and compared without dashes,
spaces and capitals.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, func, insert, select

from springtide.domain.access.act import Act
from springtide.domain.access.audited import AuditAction, AuditGroup
from springtide.domain.access.operations import record_act
from springtide.domain.rewards.checks import OutOfRange
from springtide.domain.rewards.games.phrase_packet import spelled
from springtide.domain.rewards.model import Attempt, Reward
from springtide.domain.rewards.store import code_batches
from springtide.domain.rewards.store import codes as codes_table
from springtide.kit.errors import N_, Invalid, Refusal

CODES_MADE = AuditAction("reward.codes", N_("Codes of a reward made"), AuditGroup.REWARDS)

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_VALUES = {letter: value for value, letter in enumerate(_LETTERS)}
#: What people read and type for a letter that is not there.
_LIKE = str.maketrans("OIL", "011")
LENGTH = 12
BATCH_MAX = 1_000_000
_PAIRS = [one + other for one in _LETTERS for other in _LETTERS]
# Luhn: every second letter before the check letter counts double, its two digits summed.
_DOUBLED = [value * 2 // 32 + value * 2 % 32 for value in range(32)]
_PAIR_SUMS = [_DOUBLED[one] + other for one in range(32) for other in range(32)]


class CodeMissing(Refusal):
    """A claim without the code that it needs."""

    code = "code_missing"
    status = 409
    text = N_("This needs a code.")


class CodeMistyped(Refusal):
    """A text that no code can be."""

    code = "code_mistyped"
    status = 409
    text = N_("Please look again: there is a slip in the code.")


class CodeUnknown(Refusal):
    """A code that was not made for this."""

    code = "code_unknown"
    status = 409
    text = N_("There is no such code here.")


class CodeUsed(Refusal):
    """A code that was claimed already."""

    code = "code_used"
    status = 409
    text = N_("This code has been used.")


class NoCodes(Refusal):
    """Codes for a reward that needs none."""

    code = "reward_no_codes"
    status = 409
    text = N_("This reward is claimed without codes.")


def normal(code: str) -> str:
    """Return a code as it is compared; raises CodeMistyped.

    >>> normal("0000-000o-oooo") == normal(" 000000000000")
    True
    """
    plain = "".join(code.upper().translate(_LIKE).replace("-", " ").split())
    if len(plain) != LENGTH or any(letter not in _VALUES for letter in plain):
        raise CodeMistyped
    if check_letter(plain[:-1]) != plain[-1]:
        raise CodeMistyped
    return plain


def check_letter(body: str) -> str:
    """Return the letter that ends a code of these letters (Luhn's sum modulo 32).

    >>> check_letter("00000000001")
    'Y'
    """
    total = 0
    for place, letter in enumerate(reversed(body)):
        value = _VALUES[letter]
        total += value if place % 2 else _DOUBLED[value]
    return _LETTERS[-total % 32]


def written(code: str) -> str:
    """Return a code as people read it.

    >>> written("0123456789AB")
    '0123-4567-89AB'
    """
    return "-".join(code[n : n + 4] for n in range(0, len(code), 4))


def fresh(count: int) -> list[str]:
    """Return so many codes, all different, in the order of their letters."""
    found: set[str] = set()
    while len(found) < count:
        wanted = count - len(found)
        chance = os.urandom(7 * wanted)
        for at in range(0, 7 * wanted, 7):
            number = int.from_bytes(chance[at : at + 7], "big")
            a, b, c = number >> 45 & 1023, number >> 35 & 1023, number >> 25 & 1023
            d, e, last = number >> 15 & 1023, number >> 5 & 1023, number & 31
            total = (
                _PAIR_SUMS[a] + _PAIR_SUMS[b] + _PAIR_SUMS[c]
                + _PAIR_SUMS[d] + _PAIR_SUMS[e] + _DOUBLED[last]
            )  # fmt: skip
            body = _PAIRS[a] + _PAIRS[b] + _PAIRS[c] + _PAIRS[d] + _PAIRS[e] + _LETTERS[last]
            found.add(body + _LETTERS[-total % 32])
    return sorted(found)


def codes_brought(
    rewards: Mapping[UUID, Reward], attempts: Sequence[Attempt]
) -> dict[tuple[str, str], str]:
    """Return the codes that attempts bring for rewards that need one, by key and what was asked.

    By the key alone a request could use the code of another one that came with its key.
    """
    found = {}
    for attempt in attempts:
        reward = rewards.get(attempt.reward_id)
        if reward is not None and reward.terms.needs_code and attempt.code:
            with suppress(CodeMistyped):
                found[attempt.key, attempt.asked] = normal(attempt.code)
    return found


def wrong_code(
    reward: Reward,
    attempt: Attempt,
    code: str | None,
    owners: Mapping[str, tuple[UUID, UUID | None]],
) -> Refusal | None:
    """Return what is wrong with an attempt's code, where the reward needs one."""
    terms = reward.terms
    if terms.public_code:
        same = spelled(attempt.code or "") == spelled(terms.public_code)
        return None if same else CodeUnknown() if attempt.code else CodeMissing()
    if not terms.needs_code:
        return None
    if code is None:
        return CodeMistyped() if attempt.code else CodeMissing()
    reward_id, claim_id = owners.get(code, (None, None))
    if reward_id != reward.id:
        return CodeUnknown()
    return CodeUsed() if claim_id is not None else None


def make_codes(act: Act, *, reward: Reward, count: int) -> int:
    """Make a batch of codes for a reward that needs them; return the batch's number.

    Raises NoCodes, and Invalid (``count``) for none or more than a million.
    """
    if not reward.terms.needs_code:
        raise NoCodes
    if not 1 <= count <= BATCH_MAX:
        raise Invalid({"count": OutOfRange(least=1, most=BATCH_MAX)})
    last = act.tx.execute(
        select(func.max(code_batches.c.batch)).where(code_batches.c.reward_id == reward.id)
    ).scalar()
    batch = (last or 0) + 1
    act.tx.execute(
        insert(code_batches).values(
            reward_id=reward.id, batch=batch, shop_id=act.shop.id, size=count, made_at=act.now
        )
    )
    _keep(act.tx, act.shop.id, reward.id, batch, fresh(count))
    record_act(act, action=CODES_MADE, subject=reward.key, after={"batch": batch, "count": count})
    return batch


def codes_of(tx: Connection, *, reward_id: UUID, batch: int) -> Iterator[tuple[str, bool]]:
    """Give the codes of a batch as people read them, and whether each was used, one by one."""
    table = codes_table
    rows = tx.execution_options(yield_per=10_000).execute(
        select(table.c.code, table.c.claim_id)
        .where(table.c.reward_id == reward_id, table.c.batch == batch)
        .order_by(table.c.code)
    )
    for row in rows:
        yield written(row.code), row.claim_id is not None


def batches_of(tx: Connection, *, reward_id: UUID) -> list[tuple[int, int, datetime]]:
    """Return a reward's batches: number, size, when it was made."""
    table = code_batches
    query = select(table).where(table.c.reward_id == reward_id).order_by(table.c.batch)
    return [(row.batch, row.size, row.made_at) for row in tx.execute(query)]


def _keep(tx: Connection, shop_id: UUID, reward_id: UUID, batch: int, codes: list[str]) -> None:
    """Write a batch the fastest way that the database has: a million rows in seconds."""
    names = "shop_id, code, reward_id, batch"
    if tx.dialect.name == "postgresql":
        cursor: Any = tx.connection.cursor()
        with cursor, cursor.copy(f"copy {codes_table.name} ({names}) from stdin") as copy:
            ends = f"\t{reward_id}\t{batch}\n"
            begin = f"{shop_id}\t"
            for at in range(0, len(codes), 10_000):
                copy.write("".join(begin + code + ends for code in codes[at : at + 10_000]))
        return
    tx.exec_driver_sql(
        f"insert into {codes_table.name} ({names}) values (?, ?, ?, ?)",
        [(shop_id.hex, code, reward_id.hex, batch) for code in codes],
    )

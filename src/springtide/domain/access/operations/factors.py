"""Second factors: codes of an app (TOTP, RFC 6238), passkeys (WebAuthn), recovery codes.

A code is taken once: the step of the last one is kept. Recovery codes have 80 random bits, are
kept as hashes and used up. Wrong ones are bounded for the account as a whole, ten an hour: only
who knows the password comes so far, so no stranger can keep a person out with it, and a guesser
has 240 * 3 chances in a million a day.
"""

import base64
import hmac
import secrets
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

from pyotp import TOTP
from sqlalchemy import Connection, delete, func, insert, select, update

from springtide.domain.access.audited import AuditAction, AuditGroup
from springtide.domain.access.model import Actor, Factor, FactorKind, Person
from springtide.domain.access.operations.audit import record_of_person
from springtide.domain.access.operations.names import checked_name
from springtide.domain.access.pace import TooManyAttempts
from springtide.domain.access.proofs import factors_of
from springtide.domain.access.secrets import token_hash
from springtide.domain.access.store import (
    factors,
    log_in_attempts,
    people,
    recovery_codes,
    sessions,
    used_challenges,
)
from springtide.kit.db import Database
from springtide.kit.errors import N_, NotFound, Refusal
from springtide.kit.ids import outward, uuid7

CODE_USED = AuditAction("person.code_used", N_("Recovery code used"), AuditGroup.ACCOUNTS)
CODES_RENEWED = AuditAction(
    "person.codes_renewed", N_("New recovery codes made"), AuditGroup.ACCOUNTS
)
FACTOR_REMOVED = AuditAction(
    "person.factor_removed", N_("Second factor taken off"), AuditGroup.ACCOUNTS
)
CODES_WRONG = AuditAction(
    "person.codes_wrong", N_("Right password, ten wrong codes"), AuditGroup.ACCOUNTS
)
FACTOR_ADDED = AuditAction("person.factor_added", N_("Second factor added"), AuditGroup.ACCOUNTS)

STEP_SECONDS, FACTORS_MAX, CODES = 30, 10, 10
WRONG_AN_HOUR = 10
_HOUR = timedelta(hours=1)
_CHALLENGE_KEPT = timedelta(hours=1)


class WrongCode(Refusal):
    """A code that is wrong, over, or was used before."""

    code = "wrong_code"
    text = N_("This code is not right, or was used already. Take the next one the app shows.")


class TooManyFactors(Refusal):
    """More second factors than a person has."""

    code = "too_many_factors"
    status = 409
    text = N_("You have {max} second factors already: take one off first.")


class AppKnown(Refusal):
    """An app that is a second factor of the person already."""

    code = "app_known"
    status = 409
    text = N_("This app is set up already.")


class PasskeyUsed(Refusal):
    """An answer of a passkey that was given before."""

    code = "passkey_used"
    text = N_("This answer of the passkey was used already. Please try again.")


def new_secret() -> str:
    """Return a new secret for an app, 160 bits in base 32."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def step_of(secret: str, code: str, *, now: datetime, after: int = -1) -> int | None:
    """Return the 30-second step whose code this is, now or one beside it; None for none.

    Steps up to ``after`` are over: their codes were used.
    """
    typed = "".join(code.split())
    current, found = int(now.timestamp()) // STEP_SECONDS, None
    for step in (current - 1, current, current + 1):
        fits = hmac.compare_digest(TOTP(secret).generate_otp(step).encode(), typed.encode())
        if fits and step > after:
            found = step
    return found


def add_totp(
    tx: Connection,
    *,
    person: Person,
    name: str,
    kept_secret: str,
    step: int,
    opened: Callable[[str], str],
    now: datetime,
) -> list[str]:
    """Keep an app whose first code (of ``step``) was right; return codes for a first factor.

    ``kept_secret`` is the secret as it may lie in the database: closed with the installation's;
    ``opened`` opens it. Refuses (AppKnown) an app that is kept already, as after a form that was
    sent twice: each of the two would take the same code once.
    """
    # One after the other on PostgreSQL too.
    tx.execute(select(people.c.id).where(people.c.id == person.id).with_for_update())
    secret = opened(kept_secret)
    if any(
        opened(each.secret) == secret for each in factors_of(tx, person_id=person.id) if each.secret
    ):
        raise AppKnown
    return _add(tx, person, FactorKind.TOTP, name, now, secret=kept_secret, last_step=step)


def add_passkey(
    tx: Connection,
    *,
    person: Person,
    name: str,
    credential_id: bytes,
    public_key: bytes,
    sign_count: int,
    now: datetime,
) -> list[str]:
    """Keep a passkey; return recovery codes when it is the first factor."""
    return _add(
        tx,
        person,
        FactorKind.PASSKEY,
        name,
        now,
        credential_id=credential_id,
        public_key=public_key,
        sign_count=sign_count,
    )


def use_step(tx: Connection, *, factor_id: UUID, step: int, now: datetime) -> None:
    """Use up the code of a step; refuses (WrongCode) one that was used meanwhile."""
    used = tx.execute(
        update(factors)
        .where(factors.c.id == factor_id, factors.c.last_step < step)
        .values(last_step=step, used_at=now)
    )
    if not used.rowcount:
        raise WrongCode


def use_passkey(
    tx: Connection, *, factor_id: UUID, sign_count: int, challenge: bytes, now: datetime
) -> None:
    """Use up the answer to a challenge; refuses (PasskeyUsed) one that was given before."""
    kept = token_hash(challenge.hex())
    tx.execute(delete(used_challenges).where(used_challenges.c.at < now - _CHALLENGE_KEPT))
    if tx.execute(select(used_challenges).where(used_challenges.c.hash == kept)).first():
        raise PasskeyUsed
    tx.execute(insert(used_challenges).values(hash=kept, at=now))
    tx.execute(
        update(factors).where(factors.c.id == factor_id).values(sign_count=sign_count, used_at=now)
    )


def use_recovery_code(tx: Connection, *, person: Person, code: str, now: datetime) -> bool:
    """Use up a recovery code; tell whether it was one."""
    typed = "".join(letter for letter in code.lower() if letter.isalnum())
    used = tx.execute(
        update(recovery_codes)
        .where(
            recovery_codes.c.code_hash == token_hash(typed),
            recovery_codes.c.person_id == person.id,
            recovery_codes.c.used_at.is_(None),
        )
        .values(used_at=now)
    )
    if used.rowcount:
        record_of_person(tx, person=person, action=CODE_USED)
    return bool(used.rowcount)


def renew_codes(tx: Connection, *, person: Person, now: datetime) -> list[str]:
    """Make new recovery codes; the old ones are over. They are shown once and kept as hashes."""
    tx.execute(delete(recovery_codes).where(recovery_codes.c.person_id == person.id))
    made = [base64.b32encode(secrets.token_bytes(10)).decode().lower() for _ in range(CODES)]
    tx.execute(
        insert(recovery_codes),
        [{"code_hash": token_hash(each), "person_id": person.id, "used_at": None} for each in made],
    )
    record_of_person(tx, person=person, action=CODES_RENEWED)
    return ["-".join(each[at : at + 4] for at in range(0, 16, 4)) for each in made]


def remove_factor(tx: Connection, *, person: Person, factor_id: UUID, now: datetime) -> Factor:
    """Take a factor off; with the last one the recovery codes go too."""
    kept = factors_of(tx, person_id=person.id)
    gone = next((each for each in kept if each.id == factor_id), None)
    if gone is None:
        raise NotFound(what="factor", key=outward("fac", factor_id))
    tx.execute(delete(factors).where(factors.c.id == factor_id))
    if len(kept) == 1:
        tx.execute(delete(recovery_codes).where(recovery_codes.c.person_id == person.id))
    told = {"kind": gone.kind, "name": gone.name}
    record_of_person(tx, person=person, action=FACTOR_REMOVED, after=told)
    return gone


def remove_all_factors(tx: Connection, *, person: Person, actor: Actor, now: datetime) -> int:
    """Take every factor and code off a person, end their sessions; return how many factors."""
    count = tx.execute(delete(factors).where(factors.c.person_id == person.id)).rowcount
    tx.execute(delete(recovery_codes).where(recovery_codes.c.person_id == person.id))
    tx.execute(delete(sessions).where(sessions.c.person_id == person.id))
    record_of_person(
        tx,
        person=person,
        action=FACTOR_REMOVED,
        after={"factors": count},
        actor=actor,
    )
    return count


def count_code(db: Database, *, person: Person, now: datetime) -> UUID:
    """Count a code before it is looked at; refuses (TooManyAttempts) after ten wrong in an hour.

    ``forgive_code`` takes the count of a right one back.
    """
    account, attempts = _account(person), log_in_attempts.c

    def work(tx: Connection) -> UUID:
        if tx.dialect.name == "postgresql":
            tx.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(account, 7))))
        wrong = tx.execute(
            select(func.count(), func.min(attempts.at)).where(
                attempts.account == account, ~attempts.is_good, attempts.at > now - _HOUR
            )
        ).one()
        if wrong[0] >= WRONG_AN_HOUR:
            left = (wrong[1] + _HOUR - now).total_seconds()
            raise TooManyAttempts(seconds=max(int(left), 1))
        counted = uuid7(now)
        tx.execute(
            insert(log_in_attempts).values(
                id=counted, account=account, network="", browser=None, at=now, is_good=False
            )
        )
        if wrong[0] + 1 == WRONG_AN_HOUR:
            record_of_person(tx, person=person, action=CODES_WRONG)
        return counted

    return db.run(work)


def forgive_code(tx: Connection, *, counted: UUID) -> None:
    """Take back the count of a code that was right."""
    tx.execute(update(log_in_attempts).where(log_in_attempts.c.id == counted).values(is_good=True))


def _account(person: Person) -> str:
    # No e-mail address begins so: these counts are of nothing else.
    return f"second factor {person.id}"


def _add(
    tx: Connection, person: Person, kind: FactorKind, name: str, now: datetime, **values: object
) -> list[str]:
    kept = factors_of(tx, person_id=person.id)
    if len(kept) >= FACTORS_MAX:
        raise TooManyFactors(max=FACTORS_MAX)
    name = checked_name(name)
    tx.execute(
        insert(factors).values(
            id=uuid7(now), person_id=person.id, kind=kind, name=name, created_at=now, **values
        )
    )
    told = {"kind": kind, "name": name}
    record_of_person(tx, person=person, action=FACTOR_ADDED, after=told)
    return [] if kept else renew_codes(tx, person=person, now=now)

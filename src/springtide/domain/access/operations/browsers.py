"""The browsers that people are known by: what strangers do to an account is not theirs to bear."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, delete, select

from springtide.domain.access.secrets import new_token, token_hash
from springtide.domain.access.store import browsers, people
from springtide.kit.db import insert_into

#: How long after its last log-in a browser is known, and how many of them a person has.
BROWSER_DAYS, BROWSERS_MAX = 180, 50


def is_known_browser(tx: Connection, *, email: str, browser: str, now: datetime) -> bool:
    """Tell whether a browser's token is of one that this person logged in with lately."""
    person_id = tx.execute(
        select(people.c.id).where(people.c.email == email.strip().lower()[:254])
    ).scalar()
    return person_id is not None and known_browser(tx, person_id, browser, now) is not None


def forget_browsers(
    tx: Connection, *, person_id: UUID, only: bytes | None = None, but: bytes | None = None
) -> None:
    """Know a person's browsers no more (``only`` one, or all ``but`` one, by its token's hash).

    Each counts as a stranger's until its next log-in.
    """
    gone = delete(browsers).where(browsers.c.person_id == person_id)
    if only is not None:
        gone = gone.where(browsers.c.token_hash == only)
    if but is not None:
        gone = gone.where(browsers.c.token_hash != but)
    tx.execute(gone)


def known_browser(tx: Connection, person_id: UUID, browser: str, now: datetime) -> bytes | None:
    """Return the hash of a browser's token where the person logged in with it lately."""
    if not browser:
        return None
    kept: bytes | None = tx.execute(
        select(browsers.c.token_hash).where(
            browsers.c.token_hash == token_hash(browser),
            browsers.c.person_id == person_id,
            browsers.c.seen_at > now - timedelta(days=BROWSER_DAYS),
        )
    ).scalar()
    return kept


def know_browser(tx: Connection, person_id: UUID, browser: str, now: datetime) -> str:
    """Know a browser from now on, under the token it has if that is one of ours; return it.

    A token is ours where somebody logged in with it: several people may share a browser. The
    browsers not seen for the longest are forgotten.
    """
    is_ours = (
        browser
        and tx.execute(
            select(browsers.c.token_hash)
            .where(browsers.c.token_hash == token_hash(browser))
            .limit(1)
        ).first()
    )
    token = browser if is_ours else new_token()
    row = {"token_hash": token_hash(token), "person_id": person_id, "created_at": now}
    tx.execute(
        insert_into(tx, browsers)
        .values(**row, seen_at=now)
        .on_conflict_do_update(
            index_elements=[browsers.c.token_hash, browsers.c.person_id], set_={"seen_at": now}
        )
    )
    newest = (
        select(browsers.c.token_hash)
        .where(browsers.c.person_id == person_id)
        .order_by(browsers.c.seen_at.desc(), browsers.c.token_hash)
        .limit(BROWSERS_MAX)
    )
    kept = {*tx.execute(newest).scalars(), token_hash(token)}
    tx.execute(
        delete(browsers).where(
            browsers.c.person_id == person_id, browsers.c.token_hash.not_in(kept)
        )
    )
    return token

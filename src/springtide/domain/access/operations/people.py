"""Writing people and their roles in shops."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, delete, insert, select, update

from springtide.domain.access.act import Act
from springtide.domain.access.audited import AuditAction, AuditGroup
from springtide.domain.access.model import Actor, Person, Role
from springtide.domain.access.operations.audit import record_act, record_audit
from springtide.domain.access.operations.names import check, checked_email, checked_name
from springtide.domain.access.passwords import checked_password
from springtide.domain.access.secrets import hash_password
from springtide.domain.access.store import memberships, people, sessions
from springtide.kit.errors import N_, Invalid, NotFound, Refusal
from springtide.kit.i18n import LANGUAGES
from springtide.kit.ids import outward, uuid7

CREATED = AuditAction("person.create", N_("Account made"), AuditGroup.ACCOUNTS)
ADDED = AuditAction("member.add", N_("Person let in"), AuditGroup.TEAM)
CHANGED = AuditAction("member.change", N_("Role changed"), AuditGroup.TEAM)
REMOVED = AuditAction("member.remove", N_("Person taken out"), AuditGroup.TEAM)


class LastOwner(Refusal):
    """Without an owner nobody could let people in again."""

    code = "last_owner"
    status = 409
    text = N_("A shop keeps at least one owner: name another one first.")


class PersonExists(Refusal):
    """Somebody has this address."""

    code = "person_exists"
    status = 409
    text = N_("There is a person with the address {email} already.")


def create_person(
    tx: Connection,
    *,
    email: str,
    name: str,
    password: str,
    language: str,
    actor: Actor,
    now: datetime,
) -> Person:
    """Create a person without any shop; refuses (Invalid) bad fields, (PersonExists) an e-mail."""
    email = email.strip().lower()
    wrong: dict[str, Refusal] = {}
    check(wrong, "email", lambda: checked_email(email))
    check(wrong, "name", lambda: checked_name(name))
    check(wrong, "password", lambda: checked_password(password, email=email, names=(name,)))
    if wrong:
        raise Invalid(wrong)
    if tx.execute(select(people.c.id).where(people.c.email == email)).first():
        raise PersonExists(email=email)
    language = language if language in LANGUAGES else "en"
    person = Person(uuid7(now), email, name.strip(), language)
    tx.execute(
        insert(people).values(
            id=person.id,
            email=email,
            name=person.name,
            language=language,
            password_hash=hash_password(password),
            created_at=now,
        )
    )
    record_audit(
        tx,
        shop=None,
        actor=actor,
        action=CREATED,
        subject=outward("per", person.id),
        after={"email": email, "name": person.name},
    )
    return person


def add_member(act: Act, *, person: Person, role: Role) -> None:
    """Give a person a role in a shop, or another role than before; the last owner stays."""
    row = _membership(act.tx, act.shop.id, person.id)
    before = None if row is None else {"role": row}
    if row == role:
        return
    if row is None:
        act.tx.execute(
            insert(memberships).values(
                shop_id=act.shop.id, person_id=person.id, role=role, created_at=act.real_now
            )
        )
    else:
        if row == Role.OWNER:
            _keep_an_owner(act.tx, act.shop.id, person.id)
        act.tx.execute(
            update(memberships)
            .where(memberships.c.shop_id == act.shop.id, memberships.c.person_id == person.id)
            .values(role=role)
        )
    record_act(
        act,
        action=ADDED if row is None else CHANGED,
        subject=outward("per", person.id),
        before=before,
        after={"email": person.email, "role": role},
    )


def remove_member(act: Act, *, person: Person) -> None:
    """Take a person out of a shop; refuses the last owner (LastOwner).

    Their log-in is over only when this was their last shop: it is not this shop's to end. What
    they have open here is refused at its next request, as every request asks for the membership.
    """
    role = _membership(act.tx, act.shop.id, person.id)
    if role is None:
        raise NotFound(what="member", key=person.email)
    if role == Role.OWNER:
        _keep_an_owner(act.tx, act.shop.id, person.id)
    act.tx.execute(
        delete(memberships).where(
            memberships.c.shop_id == act.shop.id, memberships.c.person_id == person.id
        )
    )
    if not act.tx.execute(
        select(memberships.c.shop_id).where(memberships.c.person_id == person.id).limit(1)
    ).first():
        act.tx.execute(delete(sessions).where(sessions.c.person_id == person.id))
    record_act(
        act,
        action=REMOVED,
        subject=outward("per", person.id),
        before={"email": person.email, "role": role},
    )


def _membership(tx: Connection, shop_id: UUID, person_id: UUID) -> str | None:
    role: str | None = tx.execute(
        select(memberships.c.role).where(
            memberships.c.shop_id == shop_id, memberships.c.person_id == person_id
        )
    ).scalar_one_or_none()
    return role


def _keep_an_owner(tx: Connection, shop_id: UUID, leaving: UUID) -> None:
    # Locks the owners' rows on PostgreSQL, so that two owners cannot leave at the same time.
    owners = tx.execute(
        select(memberships.c.person_id)
        .where(memberships.c.shop_id == shop_id, memberships.c.role == Role.OWNER)
        .order_by(memberships.c.person_id)
        .with_for_update()
    ).scalars()
    if all(owner == leaving for owner in owners):
        raise LastOwner

"""Letting people in: an invitation bound to an address, taken up by whoever holds its link."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, delete, func, insert, select, update

from springtide.domain.access.act import Act
from springtide.domain.access.audited import AuditAction, AuditGroup
from springtide.domain.access.model import Actor, Invitation, Person, Role, Shop
from springtide.domain.access.operations.audit import record_audit, record_refused_link
from springtide.domain.access.operations.names import check, checked_email, checked_name
from springtide.domain.access.operations.people import add_member, create_person
from springtide.domain.access.operations.sessions import Visit, place_of
from springtide.domain.access.operations.shops import lock_shop
from springtide.domain.access.passwords import checked_password
from springtide.domain.access.queries import InvitationGone, invitation_behind
from springtide.domain.access.secrets import new_token, token_hash
from springtide.domain.access.store import (
    audit_log,
    invitations,
    memberships,
    people,
    to_invitation,
)
from springtide.kit.db import Database
from springtide.kit.errors import N_, Invalid, NotFound, Refusal
from springtide.kit.ids import outward, uuid7

CREATED = AuditAction("invitation.create", N_("Person invited"), AuditGroup.TEAM)
RENEWED = AuditAction("invitation.renew", N_("Invitation sent again"), AuditGroup.TEAM)
WITHDRAWN = AuditAction("invitation.withdraw", N_("Invitation withdrawn"), AuditGroup.TEAM)
ACCEPTED = AuditAction("invitation.accept", N_("Invitation taken up"), AuditGroup.TEAM)

#: How long a link may be used.
INVITATION_DAYS = 7
#: Invitations of one shop within a day, sent again or new: nobody mails strangers through us.
INVITATIONS_A_DAY = 50


class AlreadyMember(Refusal):
    """The address belongs to someone of this very shop."""

    code = "already_member"
    status = 409
    text = N_("{email} belongs to the shop already: change the role in the list.")


class TooManyInvitations(Refusal):
    """More invitations within a day than a shop needs."""

    code = "too_many_invitations"
    status = 429
    text = N_("A shop sends at most {most} invitations a day: try again tomorrow.")


class OtherAddress(Refusal):
    """An invitation in the hands of someone logged in with another address."""

    code = "invitation_other_address"
    status = 403
    text = N_("This invitation is for another e-mail address than the one you are logged in with.")


class AccountExists(Refusal):
    """Whoever has an account takes an invitation up when logged in; no second one is made."""

    code = "account_exists"
    status = 409
    text = N_("There is an account with this address: log in, then take the invitation up.")


def invite(act: Act, *, email: str, role: Role) -> tuple[Invitation, str]:
    """Invite an address in a role; return the invitation with its token, which is not kept.

    Whether the address has an account plays no part, so nobody learns of it here. An open
    invitation of the address is replaced: its old link is over. Refuses BadEmail, AlreadyMember,
    TooManyInvitations.
    """
    email = checked_email(email)
    # One at a time a shop: two owners may ask in the same person at the same moment.
    lock_shop(act.tx, shop_id=act.shop.id)
    is_member = select(people.c.id).join(memberships, memberships.c.person_id == people.c.id)
    if act.tx.execute(
        is_member.where(memberships.c.shop_id == act.shop.id, people.c.email == email)
    ).first():
        raise AlreadyMember(email=email)
    _keep_within_the_day(act.tx, act.shop, act.real_now)
    replaced = act.tx.execute(
        delete(invitations).where(
            invitations.c.shop_id == act.shop.id, invitations.c.email == email
        )
    ).rowcount
    token = new_token()
    row = act.tx.execute(
        insert(invitations)
        .values(
            id=uuid7(act.real_now),
            shop_id=act.shop.id,
            email=email,
            role=role,
            token_hash=token_hash(token),
            invited_by=act.actor.name[:120],
            created_at=act.real_now,
            expires_at=act.real_now + timedelta(days=INVITATION_DAYS),
        )
        .returning(invitations)
    ).one()
    found = to_invitation(row)
    _note(act.tx, found, RENEWED if replaced else CREATED, act.actor)
    return found, token


def renew_invitation(act: Act, *, invitation_id: UUID) -> tuple[Invitation, str]:
    """Give an open invitation a new link and its full time; the old link is over."""
    found = _found(act.tx, act.shop, invitation_id)
    return invite(act, email=found.email, role=found.role)


def mark_invitation_sent(tx: Connection, *, invitation_id: UUID, now: datetime) -> None:
    """Note that a mail server took the letter with the link."""
    tx.execute(update(invitations).where(invitations.c.id == invitation_id).values(sent_at=now))


def withdraw_invitation(act: Act, *, invitation_id: UUID) -> Invitation:
    """Make an open invitation's link useless from now on."""
    found = _found(act.tx, act.shop, invitation_id)
    act.tx.execute(delete(invitations).where(invitations.c.id == found.id))
    _note(act.tx, found, WITHDRAWN, act.actor)
    return found


def accept_invitation(
    tx: Connection, *, token: str, person: Person, now: datetime
) -> tuple[Shop, Role]:
    """Let a logged-in person into the shop; refuses InvitationGone, OtherAddress."""
    found, shop = invitation_behind(tx, token=token, now=now)
    if found.email != person.email:
        raise OtherAddress
    _claim(tx, found)
    return shop, _take_up(tx, found, shop, person, now)


def accept_as_new(
    tx: Connection, *, token: str, name: str, password: str, language: str, now: datetime
) -> tuple[Person, Shop]:
    """Make the account of an invited address, with the name and password its holder chose.

    What was typed is looked at first, so that a careless form says the same whether or not the
    address has an account. Refuses InvitationGone, Invalid, AccountExists.
    """
    found, shop = invitation_behind(tx, token=token, now=now)
    wrong: dict[str, Refusal] = {}
    check(wrong, "name", lambda: checked_name(name))
    names = (name, shop.name, shop.slug)
    check(wrong, "password", lambda: checked_password(password, email=found.email, names=names))
    if wrong:
        raise Invalid(wrong)
    _claim(tx, found)
    if tx.execute(select(people.c.id).where(people.c.email == found.email)).first():
        raise AccountExists
    person = create_person(
        tx,
        email=found.email,
        name=name,
        password=password,
        language=language,
        actor=Actor("person", outward("per", found.id), name.strip()),
        now=now,
    )
    _take_up(tx, found, shop, person, now)
    return person, shop


def note_refused_invitation(
    db: Database, *, token: str, person: Person | None, reason: str, visit: Visit, now: datetime
) -> None:
    """Write into the shop's audit log that a link was refused; one of no invitation is nobody's.

    ``reason`` is the refusal's code.
    """
    with db.read() as tx:
        row = tx.execute(
            select(invitations).where(invitations.c.token_hash == token_hash(token))
        ).one_or_none()
    if row is None:
        return
    found = to_invitation(row)
    # Nobody is logged in who could have a name: then it is whoever came from there.
    who = Actor("person", "", visit.address)
    if person is not None:
        who = Actor("person", str(person.id), person.name)
    record_refused_link(
        db,
        shop_id=found.shop_id,
        subject=outward("inv", found.id),
        actor=who,
        after={**place_of(visit), "reason": reason},
        now=now,
    )


def _claim(tx: Connection, found: Invitation) -> None:
    # First of all: of two that take it up at the same time, one waits here and finds it gone.
    if not tx.execute(delete(invitations).where(invitations.c.id == found.id)).rowcount:
        raise InvitationGone


def _take_up(tx: Connection, found: Invitation, shop: Shop, person: Person, now: datetime) -> Role:
    actor = Actor("person", str(person.id), person.name)
    _note(tx, found, ACCEPTED, actor)
    kept: str | None = tx.execute(
        select(memberships.c.role).where(
            memberships.c.shop_id == shop.id, memberships.c.person_id == person.id
        )
    ).scalar_one_or_none()
    if kept is not None:
        return Role(kept)
    add_member(Act(tx, shop, actor, now, now), person=person, role=found.role)
    return found.role


def _found(tx: Connection, shop: Shop, invitation_id: UUID) -> Invitation:
    row = tx.execute(
        select(invitations).where(
            invitations.c.id == invitation_id, invitations.c.shop_id == shop.id
        )
    ).one_or_none()
    if row is None:
        raise NotFound(what="invitation", key=outward("inv", invitation_id))
    return to_invitation(row)


def _keep_within_the_day(tx: Connection, shop: Shop, now: datetime) -> None:
    counted = tx.execute(
        select(func.count())
        .select_from(audit_log)
        .where(
            audit_log.c.shop_id == shop.id,
            audit_log.c.action.in_((CREATED.code, RENEWED.code)),
            audit_log.c.at > now - timedelta(days=1),
        )
    ).scalar_one()
    if counted >= INVITATIONS_A_DAY:
        raise TooManyInvitations(most=INVITATIONS_A_DAY)


def _note(tx: Connection, found: Invitation, action: AuditAction, actor: Actor) -> None:
    record_audit(
        tx,
        shop=found.shop_id,
        actor=actor,
        action=action,
        subject=outward("inv", found.id),
        after={"email": found.email, "role": found.role},
    )

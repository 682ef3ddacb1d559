"""Inviting people to a shop: the invitation, and the letter that carries its link."""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode
from uuid import UUID

from sqlalchemy import Connection

from springtide.connectors.channels.email import Notice, send_notice
from springtide.domain.access import operations
from springtide.domain.access.act import Act
from springtide.domain.access.model import ROLE_NAMES, Actor, Invitation, Role, Shop
from springtide.flows.timeline.action import Surroundings
from springtide.kit.errors import N_, OuterCallError
from springtide.kit.i18n import translate
from springtide.kit.ids import outward

log = logging.getLogger("springtide.team")

PATH = "/invitation"
_SUBJECT = N_("Invitation to the team of {shop}")
_TEXT = N_(
    "{who} invites you to work in the shop “{shop}”. Your role there: {role}.\n\n"
    "Take the invitation up here until {day}; the link works once:\n{link}\n\n"
    "If you did not expect this, leave it: nothing happens without you."
)


@dataclass(frozen=True, slots=True)
class Invited:
    """An invitation that was made.

    ``link`` is there only where no mail server is named: then a person hands it over. ``trouble``
    is what the mail server said when it did not take the letter.
    """

    invitation: Invitation
    link: str | None = None
    trouble: str | None = None


def invite(
    house: Surroundings,
    shop: Shop,
    *,
    email: str,
    role: Role,
    actor: Actor,
    language: str,
    by_hand: bool = False,
) -> Invited:
    """Invite an address to a shop; send the link, or return it where it goes by hand."""
    return _deliver(
        house,
        shop,
        lambda tx: operations.invite(Act.of(tx, shop, actor), email=email, role=role),
        actor,
        language,
        by_hand=by_hand,
    )


def invite_again(
    house: Surroundings, shop: Shop, *, invitation_id: UUID, actor: Actor, language: str
) -> Invited:
    """Give an open invitation a new link, as ``invite`` does; the old link is over."""
    return _deliver(
        house,
        shop,
        lambda tx: operations.renew_invitation(
            Act.of(tx, shop, actor), invitation_id=invitation_id
        ),
        actor,
        language,
    )


def _deliver(
    house: Surroundings,
    shop: Shop,
    make: Callable[[Connection], tuple[Invitation, str]],
    actor: Actor,
    language: str,
    *,
    by_hand: bool = False,
) -> Invited:
    made, token = house.db.run(make)
    link = f"{house.settings.public_url}{PATH}?{urlencode({'token': token})}"
    if by_hand or not house.settings.has_mail_server:
        return Invited(made, link=link)
    try:
        # Outside the transaction: a slow mail server must not hold the database.
        send_notice(house.settings, _letter(shop, made, link, actor, language))
    except OuterCallError as error:
        log.warning("the letter of invitation %s did not go: %s", outward("inv", made.id), error)
        return Invited(made, trouble=str(error))
    house.db.run(
        lambda tx: operations.mark_invitation_sent(tx, invitation_id=made.id, now=house.real_now())
    )
    return Invited(made)


def _letter(shop: Shop, made: Invitation, link: str, actor: Actor, language: str) -> Notice:
    text = translate(_TEXT, language).format(
        who=actor.name,
        shop=shop.name,
        role=translate(ROLE_NAMES[made.role], language),
        day=made.expires_at.astimezone(shop.tz).date().isoformat(),
        link=link,
    )
    return Notice(
        to_address=made.email,
        from_name=shop.name,
        subject=translate(_SUBJECT, language).format(shop=shop.name),
        text=text,
        reference=outward("inv", made.id),
    )

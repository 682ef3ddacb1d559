"""Letters about people's own accounts: what happened to one, and the link that recovers it."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from urllib.parse import urlencode

from springtide.connectors.channels.email import Notice, send_notice
from springtide.domain.access import operations
from springtide.domain.access.model import Person
from springtide.flows.people.sender import Postman
from springtide.flows.timeline.action import Surroundings
from springtide.kit.errors import N_
from springtide.kit.i18n import translate
from springtide.kit.ids import outward, uuid7

RECOVERY_PATH = "/recover/new"
_FROM = N_("Springtide")
_SUBJECTS = {
    "password": N_("Your password has changed"),
    "recovered": N_("Your password was recovered"),
    "factor_added": N_("Your account has a new second factor"),
    "factor_removed": N_("A second factor was taken off your account"),
    "codes": N_("Your account has new recovery codes"),
    "code_used": N_("A recovery code of your account was used"),
}
_TEXT = N_(
    "{name},\n\n{what}: {when} UTC, from {address}.\n\n"
    "If this was not you, set a new password at once:\n{link}\n"
    "and tell an owner of your shop. What happened to your account stands under “My account”."
)
_RECOVERY_SUBJECT = N_("A new password for Springtide")
_RECOVERY_TEXT = N_(
    "{name},\n\nsomebody, probably you, asked for a new password. Choose it here within {minutes} "
    "minutes; the link works once:\n{link}\n\n"
    "If this was not you, leave it: your password stays as it is."
)


def notify(
    house: Surroundings, post: Postman, person: Person, what: str, *, address: str, now: datetime
) -> None:
    """Send a person word of what happened to their account, where a mail server is named."""
    if not house.settings.has_mail_server:
        return
    language = person.language
    subject = translate(_SUBJECTS[what], language)
    text = translate(_TEXT, language).format(
        name=person.name,
        what=subject,
        when=now.strftime("%Y-%m-%d %H:%M"),
        address=address or "?",
        link=f"{house.settings.public_url}/recover",
    )
    post.later(_sending(house, person, subject, text, now))


def send_recovery(house: Surroundings, post: Postman, *, email: str, address: str) -> None:
    """Send a link to whoever has the address, if anyone; the asker cannot tell.

    All that depends on whether somebody has it is done by the post, after the answer. Refuses
    (TooManyRecoveries) a network that asks too often.
    """
    now = house.real_now()
    may = house.db.run(
        lambda tx: operations.count_recovery(tx, email=email, address=address, now=now)
    )
    if may and house.settings.has_mail_server:
        post.later(partial(_recover, house, email))


def _recover(house: Surroundings, email: str) -> None:
    now = house.real_now()
    begun = house.db.run(lambda tx: operations.begin_recovery(tx, email=email, now=now))
    if begun is None:
        return
    person, token = begun
    language = person.language
    text = translate(_RECOVERY_TEXT, language).format(
        name=person.name,
        minutes=operations.RECOVERY_MINUTES,
        link=recovery_link(house, token),
    )
    _sending(house, person, translate(_RECOVERY_SUBJECT, language), text, now)()


def recovery_link(house: Surroundings, token: str) -> str:
    """Return the address where a link's holder chooses a new password."""
    return f"{house.settings.public_url}{RECOVERY_PATH}?{urlencode({'token': token})}"


def _sending(
    house: Surroundings, person: Person, subject: str, text: str, now: datetime
) -> Callable[[], None]:
    notice = Notice(
        to_address=person.email,
        from_name=translate(_FROM, person.language),
        subject=subject,
        text=text,
        reference=outward("ltr", uuid7(now)),
    )
    return partial(send_notice, house.settings, notice)

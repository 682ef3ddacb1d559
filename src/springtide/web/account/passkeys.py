"""Passkeys: what browsers are asked for, and whether their answers hold (WebAuthn level 2)."""

import ipaddress
import json
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.authentication.verify_authentication_response import VerifiedAuthentication
from webauthn.helpers import base64url_to_bytes
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from webauthn.registration.verify_registration_response import VerifiedRegistration

from springtide.domain.access.model import Factor, Person
from springtide.kit.errors import N_, Refusal
from springtide.kit.seals import close, unclose
from springtide.settings import Settings

_VALID = timedelta(minutes=10)
_PURPOSE = b"passkey"
_ANSWER_MAX = 20_000


class PasskeyRefused(Refusal):
    """An answer of a passkey that does not hold."""

    code = "passkey_refused"
    text = N_("The passkey's answer did not hold. Please try again.")


@dataclass(frozen=True, slots=True)
class Asked:
    """What a page asks a browser: the options as JSON, and our own note of them, closed."""

    options: str
    state: str


def site_of(settings: Settings) -> tuple[str, str] | None:
    """Return host and origin that passkeys belong to; None where the address is only a number."""
    parts = urlsplit(settings.public_url)
    host = parts.hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return host, f"{parts.scheme}://{parts.netloc}"
    return None


def ask_new(settings: Settings, person: Person, kept: list[Factor], now: datetime) -> Asked | None:
    """Return what asks for a new passkey of a person, who proves it on the device."""
    site = site_of(settings)
    if site is None:
        return None
    challenge = secrets.token_bytes(32)
    options = generate_registration_options(
        rp_id=site[0],
        rp_name="Springtide",
        user_name=person.email,
        user_id=person.id.bytes,
        user_display_name=person.name,
        challenge=challenge,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_descriptors(kept),
    )
    return Asked(options_to_json(options), _note(settings, challenge, str(person.id), now))


def ask(settings: Settings, kept: list[Factor], *, whose: str, now: datetime) -> Asked | None:
    """Return what asks for a passkey: one of ``kept``, or with none of them any of this site."""
    site = site_of(settings)
    if site is None:
        return None
    challenge = secrets.token_bytes(32)
    options = generate_authentication_options(
        rp_id=site[0],
        challenge=challenge,
        allow_credentials=_descriptors(kept),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return Asked(options_to_json(options), _note(settings, challenge, whose, now))


def registered(
    settings: Settings, *, answer: str, state: str, person: Person, now: datetime
) -> VerifiedRegistration:
    """Return the passkey that a browser made; refuses (PasskeyRefused) what does not hold."""
    site, challenge = site_of(settings), _challenge(settings, state, str(person.id), now)
    if site is None or challenge is None or len(answer) > _ANSWER_MAX:
        raise PasskeyRefused
    try:
        return verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=site[0],
            expected_origin=site[1],
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise PasskeyRefused from error


def credential_of(answer: str) -> bytes:
    """Return which passkey answers, before its answer is looked at."""
    try:
        return base64url_to_bytes(str(json.loads(answer[:_ANSWER_MAX])["rawId"]))
    except (ValueError, KeyError, TypeError) as error:
        raise PasskeyRefused from error


def proved(
    settings: Settings, factor: Factor, *, answer: str, state: str, whose: str, now: datetime
) -> tuple[VerifiedAuthentication, bytes]:
    """Return what a passkey's answer says, and its challenge; refuses what does not hold."""
    site, challenge = site_of(settings), _challenge(settings, state, whose, now)
    if site is None or challenge is None or len(answer) > _ANSWER_MAX:
        raise PasskeyRefused
    try:
        answered = verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=site[0],
            expected_origin=site[1],
            credential_public_key=factor.public_key or b"",
            credential_current_sign_count=factor.sign_count or 0,
            require_user_verification=True,
        )
    except (WebAuthnException, ValueError, KeyError, TypeError) as error:
        raise PasskeyRefused from error
    return answered, challenge


def _descriptors(kept: list[Factor]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(id=each.credential_id) for each in kept if each.credential_id
    ]


def _note(settings: Settings, challenge: bytes, whose: str, now: datetime) -> str:
    said = {"c": challenge.hex(), "w": whose, "t": int((now + _VALID).timestamp())}
    return close(settings.secret, _PURPOSE, json.dumps(said).encode())


def _challenge(settings: Settings, state: str, whose: str, now: datetime) -> bytes | None:
    said = unclose(settings.secret, _PURPOSE, state)
    if said is None:
        return None
    read = json.loads(said)
    if read["w"] != whose or now.timestamp() > read["t"]:
        return None
    return bytes.fromhex(read["c"])

"""The link in every message by which a person leaves: signed, needs no log-in, never expires."""

import base64
import hashlib
import hmac
from uuid import UUID

from springtide.kit.errors import N_, Refusal

_SIGNATURE_BYTES = 16


class BadOptOutLink(Refusal):
    """A link that we did not make, or that was cut on its way."""

    code = "bad_opt_out_link"
    status = 404
    text = N_("This link is not complete. Please use the link from the message once more.")


def opt_out_token(secret: str, message_id: UUID) -> str:
    """Return the token of one message's opt-out link (43 letters, HMAC-SHA-256 cut to 128 bits)."""
    whole = message_id.bytes + _signature(secret, message_id)
    return base64.urlsafe_b64encode(whole).rstrip(b"=").decode()


def opt_out_link(public_url: str, secret: str, message_id: UUID) -> str:
    """Return the full address of a message's opt-out page."""
    return f"{public_url}/u/{opt_out_token(secret, message_id)}"


def read_opt_out_token(secret: str, token: str) -> UUID:
    """Return the message a token was made for; refuse a forged or broken one."""
    try:
        whole = base64.urlsafe_b64decode(token.encode("ascii") + b"=" * (-len(token) % 4))
    except (ValueError, UnicodeEncodeError) as error:
        raise BadOptOutLink() from error
    if len(whole) != 16 + _SIGNATURE_BYTES:
        raise BadOptOutLink()
    message_id = UUID(bytes=whole[:16])
    # The last letter has bits to spare: of all its spellings only the one we made is good.
    if not hmac.compare_digest(token, opt_out_token(secret, message_id)):
        raise BadOptOutLink()
    return message_id


def _signature(secret: str, message_id: UUID) -> bytes:
    text = b"springtide opt-out\0" + message_id.bytes
    return hmac.new(secret.encode(), text, hashlib.sha256).digest()[:_SIGNATURE_BYTES]

"""Who may say what: one rule for every route that a browser's key opens.

A publishable key stands in a page, so anybody may send what they like with it. It may say what a
visitor wants and does. What makes a price cheaper or names a person is said by the shop's server
with a secret key, or proven with a token that the server asked for. What Springtide keeps itself
(points in its ledger, what its rewards gave out, tiers, who bought before, limits, stock, what was
paid) is looked up, and nobody says it.
"""

from enum import StrEnum
from typing import Any

from springtide.bootstrap import House
from springtide.domain.access.model import Caller
from springtide.flows.checkout.customer_tokens import customer_of
from springtide.kit.errors import N_, Invalid, Refusal


class Sayer(StrEnum):
    """Who may say a field of a body that a browser's key opens."""

    #: A wish, or what a visitor does: it is checked, or it proves nothing.
    ANYBODY = "anybody"
    #: Who the customer is: a server's key, or a token that proves it.
    PROVEN = "proven"
    #: What only the shop's own server knows: a server's key.
    SERVER = "server"


#: Every field of every such body; what stands not here has no place there.
SAYERS: dict[str, Sayer] = {
    **dict.fromkeys(
        (
            # What is wanted: priced, checked and bounded by what Springtide keeps.
            *("lines", "codes", "points", "quantity", "reward", "phrase", "code", "group", "share"),
            # Where it goes: an order says it again, with a server's key.
            *("shipping_minor", "channel", "region", "currency", "explain"),
            # Of this browser: its own names of itself, and what it did.
            *("visitor_key", "device", "events", "kind", "id", "occurred_at", "product_key"),
            *("sku_key", "source_path", "campaign_key", "reference", "props", "simulated"),
            "customer_token",
        ),
        Sayer.ANYBODY,
    ),
    "customer_key": Sayer.PROVEN,
    **dict.fromkeys(("segments", "holds", "points_balance", "address"), Sayer.SERVER),
}
_SERVERS = tuple(name for name, sayer in SAYERS.items() if sayer is Sayer.SERVER)


class NeedsServerKey(Refusal):
    """A browser that says what only the shop's server may: anyone could say so."""

    code = "needs_server_key"
    status = 403
    text = N_("Who the customer is, and what they hold, is said by your server, with its own key.")


class CustomerTokenNeeded(Refusal):
    """A publishable key that says who the customer is, or says nothing."""

    code = "customer_token_needed"
    status = 403
    text = N_("From a browser the customer comes as a token that your server asked for.")


class CustomerMissing(Refusal):
    """A request of nobody."""

    code = "customer_missing"
    text = N_("Say who claims: a customer_key, or a customer_token.")


def refuse_servers_words(caller: Caller, body: Any) -> None:
    """Refuse (NeedsServerKey) a browser's key that says what only a server may."""
    if caller.key.is_publishable and any(getattr(body, name, None) for name in _SERVERS):
        raise NeedsServerKey


def customer_proven(
    house: House, caller: Caller, customer_key: str | None, customer_token: str | None
) -> str | None:
    """Return whose request it is, None for nobody's: a server says it, a browser proves it.

    Raises BadCustomerToken, and NeedsServerKey for a browser that names whom it cannot prove.
    """
    proven = None
    if customer_token is not None:
        secret, now = house.settings.secret, house.real_now()
        proven = customer_of(secret, shop=caller.shop, token=customer_token, now=now)
    if caller.key.is_publishable and customer_key not in (None, proven):
        raise NeedsServerKey
    return customer_key if proven is None else proven


def customer_asking(
    house: House, caller: Caller, customer_key: str | None, customer_token: str | None
) -> str:
    """Return who asks, where somebody must.

    Raises as ``customer_proven``, and CustomerTokenNeeded or Invalid where nobody is named.
    """
    if caller.key.is_publishable and customer_token is None:
        raise CustomerTokenNeeded
    customer = customer_proven(house, caller, customer_key, customer_token)
    if customer is None:
        raise Invalid({"customer_key": CustomerMissing()})
    return customer

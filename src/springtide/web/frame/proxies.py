"""The proxy in front: whose forwarded headers count, and a word where one is not known."""

import logging
from ipaddress import ip_address
from typing import Any

from granian.utils.proxies import wrap_asgi_with_proxy_headers

from springtide.bootstrap import House

log = logging.getLogger("springtide.proxies")

_FORWARDED = frozenset({b"x-forwarded-for", b"forwarded", b"x-real-ip"})


def behind_proxies(app: Any, house: House) -> Any:
    """Return the app as it stands behind the proxies that the settings name.

    From them the visitor's address and scheme are what they forward; from anyone else such headers
    count for nothing. A near neighbour that sends them is told of once: where it is our own proxy,
    all visitors have one address for us, and with it one part of every bound.
    """
    hosts = house.settings.trusted_proxies
    inner = wrap_asgi_with_proxy_headers(app, list(hosts)) if hosts else app

    async def outer(scope: Any, receive: Any, send: Any) -> None:
        client = scope.get("client")
        before = client[0] if client else ""
        answering = inner(scope, receive, send)
        if not house.unknown_proxy and scope["type"] == "http":
            _notice(house, before, scope)
        await answering

    return outer


def warn_at_start(house: House) -> None:
    """Say at the start that a proxy must be there which the settings do not name."""
    if house.settings.public_url.startswith("https://") and not house.settings.trusted_proxies:
        log.warning(
            "SPRINGTIDE_PUBLIC_URL is https, so a proxy stands in front; name its address in "
            "SPRINGTIDE_TRUSTED_PROXIES, or all visitors count as one"
        )


def _notice(house: House, peer: str, scope: Any) -> None:
    # The client is the peer still: nobody whom we trust forwarded another.
    if (scope.get("client") or ("",))[0] != peer or not _is_near(peer):
        return
    if any(name in _FORWARDED for name, _ in scope["headers"]):
        house.unknown_proxy = peer
        log.warning(
            "%s forwards requests and is not in SPRINGTIDE_TRUSTED_PROXIES: "
            "all visitors behind it count as one",
            peer,
        )


def _is_near(peer: str) -> bool:
    """Tell whether a peer is of this machine or its own network: strangers cannot set this off."""
    try:
        read = ip_address(peer)
    except ValueError:
        return True
    return read.is_private or read.is_loopback

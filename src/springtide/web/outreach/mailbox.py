"""The demo's mailbox: what arrived at the sink, so that a visitor sees what customers would get."""

from typing import Any

from litestar import Request, Response, get

from springtide.bootstrap import House
from springtide.connectors.channels.mailbox import Mailbox
from springtide.domain.access.model import Data, Member, reading
from springtide.kit.errors import NotFound
from springtide.web.frame.render import page

_SHOWN = 50


@get(
    "/shops/{shop:str}/mailbox",
    opt={"access": reading(Data.OUTREACH)},
    sync_to_thread=True,
)
def mailbox_page(request: Request[Any, Any, Any], house: House, member: Member) -> Response[str]:
    """Show the letters that arrived last; only for a demo shop, whose mail goes to the sink."""
    if not member.shop.is_demo:
        raise NotFound(what="mailbox", key=member.shop.slug)
    mailbox = Mailbox(house.settings.mailbox)
    letters = mailbox.newest(_SHOWN)
    name = request.query_params.get("letter", "")
    opened = mailbox.read(name) if name else None
    return page(
        request,
        "outreach/mailbox.html",
        member=member,
        letters=letters,
        count=mailbox.count(),
        opened=opened or (letters[0] if letters else None),
    )


routes = [mailbox_page]

"""The public page behind the link in every message: one button, and never a message again."""

from typing import Any
from uuid import UUID

from litestar import Request, Response, get, post

from springtide.bootstrap import House
from springtide.domain.access.model import Public, Shop
from springtide.domain.access.queries import shop_by_id
from springtide.domain.outreach.operations import opt_out_by_message
from springtide.domain.outreach.optout import read_opt_out_token
from springtide.domain.outreach.queries import message
from springtide.web.frame.render import page

_ACCESS = Public("the token in the address is signed and names one message")


@get("/u/{token:str}", opt={"access": _ACCESS}, sync_to_thread=True)
def ask(request: Request[Any, Any, Any], house: House, token: str) -> Response[str]:
    """Ask before opting out: mail scanners open links, so opening one changes nothing."""
    shop, _ = _shop(house, token)
    return page(request, "outreach/opt_out.html", shop_name=shop.name, token=token, is_done=False)


@post(
    "/u/{token:str}",
    opt={"access": _ACCESS, "signed_link": True},
    status_code=200,
    sync_to_thread=True,
)
def opt_out(request: Request[Any, Any, Any], house: House, token: str) -> Response[str]:
    """Opt the person out; also the one-click POST of mail programs (RFC 8058)."""
    shop, message_id = _shop(house, token)
    house.db.run(
        lambda tx: opt_out_by_message(
            tx,
            shop=shop,
            message_id=message_id,
            now=house.now(shop),
            real_now=house.real_now(),
        )
    )
    return page(request, "outreach/opt_out.html", shop_name=shop.name, token=token, is_done=True)


def _shop(house: House, token: str) -> tuple[Shop, UUID]:
    message_id = read_opt_out_token(house.settings.secret, token)
    with house.db.read() as tx:
        _, shop_id = message(tx, message_id=message_id)
        return shop_by_id(tx, shop_id=shop_id), message_id


routes = [ask, opt_out]

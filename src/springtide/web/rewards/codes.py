"""The codes of a reward: made in batches, downloaded as a file for Excel."""

from collections.abc import Iterator
from typing import Any

from litestar import Response, get, post
from litestar.response import Stream
from sqlalchemy import Connection

from springtide.bootstrap import House
from springtide.domain.access.act import Act
from springtide.domain.access.model import Member, Needs, Permission
from springtide.domain.rewards.codes import codes_of, make_codes
from springtide.domain.rewards.queries import reward as read_reward
from springtide.kit import ids
from springtide.kit.errors import N_, Refusal
from springtide.kit.i18n import translate
from springtide.web.frame.forms import AnyRequest, Posted, read_count
from springtide.web.frame.render import see_other, view_of
from springtide.web.frame.words import refusal as told

_WRITE = {"access": Needs(Permission.CAMPAIGNS_WRITE)}
_PATH = "/shops/{shop:str}/rewards/{reward:str}/codes"
_LINES_AT_ONCE = 5_000


@post(_PATH, opt=_WRITE, sync_to_thread=True)
def codes_make(
    request: AnyRequest, house: House, member: Member, reward: str, data: Posted
) -> Response[Any]:
    """Make a batch of codes."""
    view = view_of(request, member)
    place = f"/shops/{member.shop.slug}/rewards/{reward}"
    try:
        count = read_count(str(data.get("count", "")))

        def work(tx: Connection) -> None:
            found = read_reward(tx, shop=member.shop, reward_id=ids.inward("rwd", reward))
            make_codes(Act.of(tx, member.shop, member.actor), reward=found, count=count)

        house.db.run(work)
    except Refusal as refusal:
        if refusal.status == 404:
            raise
        fields = getattr(refusal, "fields", {})
        wrong = next(iter(fields.values()), refusal)
        return see_other(place, message=told(view, wrong), kind="danger")
    return see_other(place, message=translate(N_("The codes are made."), view.language))


@get(f"{_PATH}/{{batch:int}}", opt=_WRITE, sync_to_thread=True)
def codes_file(house: House, member: Member, reward: str, batch: int) -> Stream:
    """Give a batch as CSV, line by line; codes are secrets, so only planners get them."""
    with house.db.read() as tx:
        found = read_reward(tx, shop=member.shop, reward_id=ids.inward("rwd", reward))

    def lines() -> Iterator[str]:
        yield "\ufeffcode,used\r\n"
        with house.db.read() as tx:
            waiting = []
            for code, is_used in codes_of(tx, reward_id=found.id, batch=batch):
                waiting.append(f"{code},{'yes' if is_used else 'no'}\r\n")
                if len(waiting) == _LINES_AT_ONCE:
                    yield "".join(waiting)
                    waiting.clear()
            yield "".join(waiting)

    name = f"{found.key}-{batch}.csv"
    return Stream(
        lines(),
        media_type="text/csv; charset=utf-8",
        headers={"content-disposition": f'attachment; filename="{name}"'},
    )


routes = [codes_make, codes_file]

"""The ledger: accounts, their statements, and each transfer down to the claim behind it."""

from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from litestar import Response, get
from sqlalchemy import Connection

from springtide.bootstrap import House
from springtide.domain.access.model import Data, Member, reading
from springtide.domain.ledger.model import MONEY, TRANSFER_STATES
from springtide.domain.ledger.queries import (
    account,
    accounts_by_keys,
    accounts_page,
    imbalances,
    lots_of,
    statement,
    transfers_by_ids,
)
from springtide.domain.rewards.queries import rewards_by_ids
from springtide.domain.rewards.refunds import REFUNDS
from springtide.kit.errors import N_
from springtide.kit.ids import BadId, inward
from springtide.web.frame.forms import AnyRequest
from springtide.web.frame.navigation import NavItem
from springtide.web.frame.render import page

nav = NavItem(
    order=36,
    label=N_("Ledger"),
    icon="list-check",
    path="ledger",
    permission=reading(Data.LEDGER).permission,
)
_READ = {"access": reading(Data.LEDGER)}
_PATH = "/shops/{shop:str}/ledger"
PAGE_LENGTH = 50
#: What the transfers of a claim are called after it.
_STEPS = (
    "claim", "1", "2", "3", "cost", "ticket", "prize", "day", "given", "given1", "given2",
    "given3", "taken1", "taken2", "taken3", "group", "member", "deposit", "settled", "repaid",
    "forfeited", "worthless",
)  # fmt: skip


@get(_PATH, opt=_READ, sync_to_thread=True)
def ledger_page(
    request: AnyRequest, house: House, member: Member, q: str = "", after: str = ""
) -> Response[Any]:
    """Show accounts, by the beginning of their key or by owner, and whether all adds up."""
    shop_id, text = member.shop.id, q.strip()[:200]
    with house.db.read() as tx:
        found = accounts_page(
            tx, shop_id=shop_id, prefix=text, after=after[:200], limit=PAGE_LENGTH + 1
        )
        if text and not found and not after:
            found = accounts_page(tx, shop_id=shop_id, owner=text, limit=PAGE_LENGTH + 1)
        wrong = imbalances(tx, shop_id=shop_id)
        names = _names(tx, member, [each.key for each in found])
        owed = accounts_by_keys(tx, shop_id=shop_id, keys=[REFUNDS]).get(REFUNDS)
    return page(
        request,
        "rewards/ledger.html",
        member=member,
        accounts=found[:PAGE_LENGTH],
        next_after=found[PAGE_LENGTH - 1].key if len(found) > PAGE_LENGTH else "",
        q=text,
        after=after,
        wrong=wrong,
        names=names,
        owed=owed,
        money=MONEY,
    )


@get(f"{_PATH}/account", opt=_READ, sync_to_thread=True)
def account_page(
    request: AnyRequest, house: House, member: Member, key: str, before: int = 0
) -> Response[Any]:
    """Show an account and its transfers, the newest first, with the balance after each."""
    shop_id = member.shop.id
    with house.db.read() as tx:
        found = account(tx, shop_id=shop_id, key=key[:200])
        lines = statement(
            tx, shop_id=shop_id, key=found.key, before=before or None, limit=PAGE_LENGTH + 1
        )
        lots = lots_of(tx, shop_id=shop_id, key=found.key) if found.in_lots else []
    return page(
        request,
        "rewards/ledger_account.html",
        member=member,
        account=found,
        lines=lines[:PAGE_LENGTH],
        next_before=lines[PAGE_LENGTH - 1].seq if len(lines) > PAGE_LENGTH else 0,
        before=before,
        lots=lots[:PAGE_LENGTH],
        is_money=found.unit == MONEY,
        state_titles=TRANSFER_STATES,
    )


@get(f"{_PATH}/transfers", opt=_READ, sync_to_thread=True)
def transfers_page(
    request: AnyRequest, house: House, member: Member, claim: str = ""
) -> Response[Any]:
    """Show all that one claim moved."""
    with house.db.read() as tx:
        name = claim[:100]
        ids = [claim[:180], *(f"{name}:{step}" for step in _STEPS)]
        ids += [f"refund:{name}", f"refund:{name}.penalty"]
        moved = transfers_by_ids(tx, shop_id=member.shop.id, ids=ids)
    return page(
        request,
        "rewards/ledger_transfers.html",
        member=member,
        claim=claim[:60],
        moved=moved,
        money=MONEY,
        state_titles=TRANSFER_STATES,
    )


def _names(tx: Connection, member: Member, keys: Iterable[str]) -> dict[str, str]:
    """Return what accounts of rewards are called: the reward's name, and which of its accounts."""
    parts = {key: key.partition(":") for key in keys if key.startswith("rwd_")}
    wanted = {}
    for head in {part[0] for part in parts.values()}:
        with suppress(BadId):
            wanted[head] = inward("rwd", head)
    found = rewards_by_ids(tx, shop=member.shop, ids=wanted.values())
    return {
        key: f"{found[wanted[head]].name} · {rest}"
        for key, (head, _, rest) in parts.items()
        if head in wanted and wanted[head] in found
    }


routes = [ledger_page, account_page, transfers_page]

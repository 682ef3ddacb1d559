"""What a shop's site shows of rewards: those that are open, and what a customer holds."""

from datetime import datetime
from typing import Annotated, Literal

from litestar import get, post
from msgspec import Meta, Struct

from springtide.api.fields import CustomerKey
from springtide.api.stated import customer_asking
from springtide.bootstrap import House
from springtide.domain.access.model import Caller, Key, Scope
from springtide.domain.ledger.queries import accounts_by_keys
from springtide.domain.rewards.claiming import shut_at
from springtide.domain.rewards.games import GAMES, read_game
from springtide.domain.rewards.games.draw import Draw
from springtide.domain.rewards.games.group_buy import GroupBuy, Tier
from springtide.domain.rewards.games.phrase_packet import PhrasePacket
from springtide.domain.rewards.games.presale import Presale
from springtide.domain.rewards.games.task import Deed, Task
from springtide.domain.rewards.model import Granted, Reward
from springtide.domain.rewards.points import balance_of
from springtide.domain.rewards.proof import Odds, promise_of
from springtide.domain.rewards.queries import held_by, reward, rewards_page
from springtide.domain.rewards.states import ClaimState, RewardState
from springtide.domain.rewards.tickets import draw_of, tickets_of
from springtide.flows.checkout.customer_tokens import TOKEN_LENGTH_MAX, sign_share
from springtide.kit.ids import inward, outward


class TaskOut(Struct, kw_only=True):
    """What has to be done on one day: so many different products, or so many paid orders."""

    deed: Deed
    wanted: int


class RewardOut(Struct, kw_only=True, omit_defaults=True):
    """A published reward, as anybody may know it."""

    key: str
    kind: str
    name: str
    opens_at: datetime
    closes_at: datetime
    is_open: Annotated[bool, Meta(description="Whether it can be claimed now, by its days too.")]
    quantity: int
    left: Annotated[int, Meta(description="What nobody has claimed yet.")]
    cost_points: int = 0
    needs_code: bool = False
    prizes: Annotated[list[Odds], Meta(description="Of a draw: odds in millionths.")] = []
    promise: Annotated[str, Meta(description="Of a draw: binds its seed, odds and stocks.")] = ""
    products: Annotated[
        list[str], Meta(description="Shown with a phrase packet; that a task is about.")
    ] = []
    weekdays: Annotated[
        list[int], Meta(description="Days it is open, 0 is Monday, in the shop's zone; none: all.")
    ] = []
    tiers: Annotated[
        list[str], Meta(description="Customer tiers it is only for, as of yesterday; none: all.")
    ] = []
    needs_ticket: Annotated[bool, Meta(description="Of a draw.")] = False
    tickets_of: Annotated[str, Meta(description="The draw whose tickets it gives.")] = ""
    task: Annotated[TaskOut | None, Meta(description="Of a daily task.")] = None
    product_key: Annotated[
        str, Meta(description="Of flash stock, a group buy, a presale: what it is.")
    ] = ""
    prices: Annotated[list[Tier], Meta(description="Of a group buy: prices by size.")] = []
    deposit_minor: Annotated[int, Meta(description="Of a presale: paid first.")] = 0
    worth_minor: Annotated[int, Meta(description="Of a presale: what the deposit counts as.")] = 0
    balance_from: datetime | None = None
    balance_until: datetime | None = None


class RewardList(Struct, kw_only=True):
    """The rewards that are published and not over."""

    items: list[RewardOut]


class HoldingsIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """Whose holdings."""

    customer_key: CustomerKey | None = None
    customer_token: Annotated[str, Meta(max_length=TOKEN_LENGTH_MAX)] | None = None


class ShareIn(Struct, kw_only=True, forbid_unknown_fields=True):
    """Who shares which reward."""

    reward: Annotated[str, Meta(max_length=40)]
    customer_key: CustomerKey | None = None
    customer_token: Annotated[str, Meta(max_length=TOKEN_LENGTH_MAX)] | None = None


class ShareOut(Struct, kw_only=True):
    """What stands in the link of a share."""

    share: Annotated[str, Meta(description="A friend's claim brings it along.")]
    valid_until: datetime


class Holding(Struct, kw_only=True):
    """A claim that may still be used."""

    claim: str
    reward: str
    granted: Granted
    expires_at: datetime | None
    state: Annotated[
        Literal["held", "deposited"], Meta(description="A presale: whether its deposit is paid.")
    ]


class TicketsOut(Struct, kw_only=True):
    """Tickets of one draw."""

    draw: str
    count: int


class HoldingsOut(Struct, kw_only=True):
    """What a customer holds."""

    customer_key: str
    points: int
    points_promised: Annotated[int, Meta(description="Theirs when their orders are received.")]
    points_expiring: int
    points_expire_at: datetime | None
    claims: list[Holding]
    tickets: Annotated[list[TicketsOut], Meta(description="Of draws that are not over.")]


@get(
    "/v1/rewards",
    opt={"access": Key(Scope.CLAIMS_WRITE, publishable=True)},
    sync_to_thread=True,
    tags=["claims"],
    operation_id="listRewards",
    summary="List the rewards that can be claimed",
)
def list_rewards(house: House, caller: Caller) -> RewardList:
    """List published rewards that are not over, the newest first, at most 100."""
    now = house.now(caller.shop)
    with house.db.read() as tx:
        found = [
            each
            for each in rewards_page(tx, shop=caller.shop)
            if each.state is RewardState.PUBLISHED and now < each.closes_at
        ]
        accounts = accounts_by_keys(tx, shop_id=caller.shop.id, keys=[each.left for each in found])
    left = {key: account.available for key, account in accounts.items()}
    return RewardList(items=[_out(each, left.get(each.left, 0), now) for each in found])


@post(
    "/v1/holdings",
    opt={"access": Key(Scope.CLAIMS_WRITE, publishable=True), "idempotency": "none"},
    status_code=200,
    sync_to_thread=True,
    tags=["claims"],
    operation_id="readHoldings",
    summary="Read what a customer holds",
)
def read_holdings(house: House, caller: Caller, data: HoldingsIn) -> HoldingsOut:
    """Return a customer's points, and the claims that they may still use."""
    shop, now = caller.shop, house.now(caller.shop)
    customer = customer_asking(house, caller, data.customer_key, data.customer_token)
    with house.db.read() as tx:
        points = balance_of(tx, shop_id=shop.id, customer_key=customer)
        claims = held_by(tx, shop_id=shop.id, customer_key=customer, now=now)
        tickets = tickets_of(tx, shop=shop, customer_key=customer, now=now)
    return HoldingsOut(
        customer_key=customer,
        points=points.available if points else 0,
        points_promised=points.promised if points else 0,
        points_expiring=points.next_amount if points else 0,
        points_expire_at=points.next_expiry if points else None,
        claims=[
            Holding(
                claim=outward("clm", each.id),
                reward=outward("rwd", each.reward_id),
                granted=each.granted,
                expires_at=each.expires_at,
                state="deposited" if each.state is ClaimState.DEPOSITED else "held",
            )
            for each in claims
            if each.granted.what not in ("points", "packet", "tickets", "nothing")
        ],
        tickets=[TicketsOut(draw=draw, count=count) for draw, count in tickets.items()],
    )


@post(
    "/v1/shares",
    opt={"access": Key(Scope.CLAIMS_WRITE, publishable=True), "idempotency": "none"},
    status_code=200,
    sync_to_thread=True,
    tags=["claims"],
    operation_id="shareReward",
    summary="Make the token of a customer's share",
)
def share_reward(house: House, caller: Caller, data: ShareIn) -> ShareOut:
    """Return what a customer's link carries; friends who claim with it are theirs."""
    customer = customer_asking(house, caller, data.customer_key, data.customer_token)
    with house.db.read() as tx:
        found = reward(tx, shop=caller.shop, reward_id=inward("rwd", data.reward))
    token, valid_until = sign_share(
        house.settings.secret,
        shop=caller.shop,
        reward=found.key,
        customer_key=customer,
        now=house.real_now(),
    )
    return ShareOut(share=token, valid_until=valid_until)


def _out(found: Reward, left: int, now: datetime) -> RewardOut:
    game = read_game(found.kind, found.params)
    return RewardOut(
        key=found.key,
        kind=GAMES[found.kind].kind,
        name=found.name,
        opens_at=found.opens_at,
        closes_at=found.closes_at,
        is_open=shut_at(found, now) is None,
        quantity=found.terms.quantity,
        left=left,
        cost_points=found.terms.cost_points,
        needs_code=found.terms.needs_code or bool(found.terms.public_code),
        prizes=list(game.odds()) if isinstance(game, Draw) else [],
        promise=promise_of(found.seed, found.key, game.odds()) if isinstance(game, Draw) else "",
        products=list(game.products) if isinstance(game, PhrasePacket | Task) else [],
        weekdays=list(found.terms.weekdays),
        tiers=list(found.terms.tiers),
        needs_ticket=isinstance(game, Draw) and game.needs_ticket,
        tickets_of=draw_of(game) or "",
        task=TaskOut(deed=game.deed, wanted=game.wanted) if isinstance(game, Task) else None,
        product_key=getattr(game, "product_key", ""),
        prices=list(game.tiers) if isinstance(game, GroupBuy) else [],
        deposit_minor=game.deposit_minor if isinstance(game, Presale) else 0,
        worth_minor=game.worth_minor if isinstance(game, Presale) else 0,
        balance_from=game.begins(found) if isinstance(game, Presale) else None,
        balance_until=game.ends(found) if isinstance(game, Presale) else None,
    )


routes = [list_rewards, read_holdings, share_reward]

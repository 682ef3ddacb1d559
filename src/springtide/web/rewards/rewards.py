"""Rewards and games: what there is, how far it is claimed, made from their own parameters."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from litestar import Response, get, post
from sqlalchemy import Connection

from springtide.bootstrap import House
from springtide.domain.access.act import Act
from springtide.domain.access.model import Member, Needs, Permission
from springtide.domain.ledger.model import MONEY, Account
from springtide.domain.ledger.queries import accounts_by_keys
from springtide.domain.rewards.claiming import shut_at
from springtide.domain.rewards.codes import batches_of
from springtide.domain.rewards.games import GAMES, UnknownGame, read_game
from springtide.domain.rewards.games.draw import Draw
from springtide.domain.rewards.groups import GROUP_STATES, groups_of, places_of
from springtide.domain.rewards.model import Closed, NotOpen, Reward
from springtide.domain.rewards.operations import save_reward, stop_reward
from springtide.domain.rewards.proof import promise_of
from springtide.domain.rewards.queries import claims_of_reward, rewards_page
from springtide.domain.rewards.queries import reward as read_reward
from springtide.domain.rewards.states import CLAIM_STATES, GRANTED, REWARD_STATES, RewardState
from springtide.domain.rewards.tickets import ticketed_draws
from springtide.flows.claims.gifts import WAITS, publish
from springtide.kit import ids
from springtide.kit.errors import N_, Invalid, NotFound, Refusal
from springtide.kit.i18n import translate
from springtide.web.frame.forms import AnyRequest, Form, Posted
from springtide.web.frame.navigation import NavItem
from springtide.web.frame.render import page, see_other, view_of
from springtide.web.frame.struct_fields import (
    CHOICE_TITLES,
    at_typed_rows,
    fields_of,
    rows_shown,
    values_of_fields,
)
from springtide.web.frame.tiers import COLOURS, SEGMENT_NAMES
from springtide.web.rewards.form import TERMS, campaign_spending, issued_rules, typed_reward

nav = NavItem(
    order=35, label=N_("Rewards"), icon="gift", path="rewards", permission=Permission.READ
)
_READ = {"access": Needs(Permission.READ)}
_WRITE = {"access": Needs(Permission.CAMPAIGNS_WRITE)}
_PATH = "/shops/{shop:str}/rewards"
DAYS = (
    N_("Monday"), N_("Tuesday"), N_("Wednesday"), N_("Thursday"), N_("Friday"), N_("Saturday"),
    N_("Sunday"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Progress:
    """One reward as a list shows it: how much of it is claimed, and how much money is given."""

    reward: Reward
    kind_title: str
    status: str
    status_title: str
    claimed: int
    money_given: int | None
    money: int | None


@get(_PATH, opt=_READ, sync_to_thread=True)
def reward_list(request: AnyRequest, house: House, member: Member) -> Response[Any]:
    """Show the shop's rewards, the newest first, and the kinds to choose from."""
    now = house.now(member.shop)
    with house.db.read() as tx:
        found = rewards_page(tx, shop=member.shop)
        rows = _progress(tx, member, found, now)
    kinds = [(kind, game.title, game.about) for kind, game in GAMES.items()]
    return page(
        request,
        "rewards/rewards.html",
        member=member,
        rows=rows,
        kinds=kinds,
        days=DAYS,
        colours=COLOURS,
    )


@get(f"{_PATH}/new", opt=_WRITE, sync_to_thread=True)
def reward_new(request: AnyRequest, house: House, member: Member, kind: str = "") -> Response[Any]:
    """Show the empty form of a kind."""
    return _form(request, house, member, kind, None, Form())


@post(_PATH, opt=_WRITE, sync_to_thread=True)
def reward_save(request: AnyRequest, house: House, member: Member, data: Posted) -> Response[Any]:
    """Save a new reward, or a draft anew."""
    kind = str(data.get("kind", ""))
    if kind not in GAMES:
        raise UnknownGame(kind=kind[:60])
    with house.db.read() as tx:
        saved = _reward_of(tx, member, str(data["reward"])) if data.get("reward") else None
        rules = issued_rules(tx, member)
    fields, shop = fields_of(GAMES[kind]), member.shop
    try:
        typed = typed_reward(fields, data, member, {key for key, _ in rules})
        kept = house.db.run(
            lambda tx: save_reward(
                Act.of(tx, shop, member.actor),
                reward_id=saved.id if saved else None,
                campaign_id=campaign_spending(tx, member, typed.params),
                kind=kind,
                name=str(data.get("name", "")),
                params=typed.params,
                terms=typed.terms,
                opens_at=typed.opens_at,
                closes_at=typed.closes_at,
            )
        )
    except Refusal as refusal:
        if isinstance(refusal, Invalid):
            refusal = Invalid(at_typed_rows(fields, data, refusal.fields))
        form = Form.refused(data, refusal)
        return _form(request, house, member, kind, saved, form, status=422)
    return _back(request, member, kept.key, N_("Saved. Publish it when all is right."))


@get(f"{_PATH}/{{reward:str}}", opt=_READ, sync_to_thread=True)
def reward_page(request: AnyRequest, house: House, member: Member, reward: str) -> Response[Any]:
    """Show one reward: its progress, what a customer sees, its claims and accounts."""
    return _one(request, house, member, reward)


@get(f"{_PATH}/{{reward:str}}/edit", opt=_WRITE, sync_to_thread=True)
def reward_edit(request: AnyRequest, house: House, member: Member, reward: str) -> Response[Any]:
    """Show the form of a draft."""
    with house.db.read() as tx:
        found = _reward_of(tx, member, reward)
    return _form(request, house, member, found.kind, found, Form())


@post(f"{_PATH}/{{reward:str}}/publish", opt=_WRITE, sync_to_thread=True)
def reward_publish(request: AnyRequest, house: House, member: Member, reward: str) -> Response[Any]:
    """Fill a reward's accounts and freeze it, or let it wait for a second person."""
    try:
        waits = house.db.run(
            lambda tx: publish(
                Act.of(tx, member.shop, member.actor), reward_id=_reward_of(tx, member, reward).id
            )
        )
    except NotFound:
        raise
    except Refusal as refusal:
        return _one(request, house, member, reward, Form(error=refusal), status=422)
    return _back(request, member, reward, WAITS if waits else N_("Published."))


@post(f"{_PATH}/{{reward:str}}/stop", opt=_WRITE, sync_to_thread=True)
def reward_stop(request: AnyRequest, house: House, member: Member, reward: str) -> Response[Any]:
    """Stop a reward at once; what is left goes back."""
    try:
        house.db.run(
            lambda tx: stop_reward(
                Act.of(tx, member.shop, member.actor), reward_id=_reward_of(tx, member, reward).id
            )
        )
    except NotFound:
        raise
    except Refusal as refusal:
        return _one(request, house, member, reward, Form(error=refusal), status=422)
    return _back(request, member, reward, N_("Stopped; what was left went back."))


def _form(
    request: AnyRequest,
    house: House,
    member: Member,
    kind: str,
    saved: Reward | None,
    form: Form,
    status: int = 200,
) -> Response[Any]:
    if kind not in GAMES:
        raise UnknownGame(kind=kind[:60])
    shop, fields = member.shop, fields_of(GAMES[kind])
    now = house.now(shop)
    if saved is None:
        begins = (now + timedelta(days=1)).replace(minute=0)
        values = {
            **values_of_fields(fields, {}, shop.currency),
            "per_customer": "" if GAMES[kind].repeats else "1",
            "opens_at": _written(begins, member),
            "closes_at": _written(begins + timedelta(days=1), member),
        }
    else:
        values = {
            "name": saved.name,
            "opens_at": _written(saved.opens_at, member),
            "closes_at": _written(saved.closes_at, member),
            **values_of_fields(fields, saved.params, shop.currency),
            **values_of_fields(TERMS, msgspec.structs.asdict(saved.terms), shop.currency),
        }
    with house.db.read() as tx:
        rules = issued_rules(tx, member)
        draws = [(each.key, each.name) for each in ticketed_draws(tx, shop=shop, now=now)]
    shown = form.values or values
    return page(
        request,
        "rewards/reward_form.html",
        member=member,
        status=status,
        game=GAMES[kind],
        kind=kind,
        saved=saved,
        form=Form(shown, form.errors, form.error),
        fields=fields,
        terms=TERMS,
        rules=rules,
        draws=draws,
        days=DAYS,
        tiers=SEGMENT_NAMES,
        rows={field.name: rows_shown(field, shown) for field in fields if field.columns},
        choice_titles=CHOICE_TITLES,
    )


def _one(
    request: AnyRequest,
    house: House,
    member: Member,
    key: str,
    form: Form | None = None,
    status: int = 200,
) -> Response[Any]:
    now = house.now(member.shop)
    with house.db.read() as tx:
        found = _reward_of(tx, member, key)
        (progress,) = _progress(tx, member, [found], now)
        claims = claims_of_reward(tx, reward_id=found.id, limit=30)
        claims.sort(key=lambda claim: (claim.claimed_at, claim.granted.number or 0), reverse=True)
        accounts = _accounts(tx, found)
        batches = batches_of(tx, reward_id=found.id)
        groups = places_of(tx, shop_id=found.shop_id, found=groups_of(tx, reward_id=found.id))
    game = read_game(found.kind, found.params)
    return page(
        request,
        "rewards/reward.html",
        member=member,
        status=status,
        row=progress,
        reward=found,
        game=game,
        claims=[(claim, ids.outward("clm", claim.id)) for claim in claims],
        accounts=accounts,
        batches=batches,
        groups=groups,
        group_titles=GROUP_STATES,
        prizes=game.prizes if isinstance(game, Draw) else (),
        promise=promise_of(found.seed, found.key, game.odds()) if isinstance(game, Draw) else "",
        form=form or Form(),
        granted_titles=GRANTED,
        claim_titles=CLAIM_STATES,
        may_write=member.may(Permission.CAMPAIGNS_WRITE),
    )


def _progress(tx: Connection, member: Member, found: list[Reward], now: datetime) -> list[Progress]:
    keys = [key for each in found for key in (each.left, each.account("money"))]
    accounts = accounts_by_keys(tx, shop_id=member.shop.id, keys=keys)
    filled = accounts_by_keys(tx, shop_id=member.shop.id, keys=[f"{key}:source" for key in keys])
    rows = []
    for each in found:
        status = _status(each, now)
        left = accounts.get(each.left)
        money, source = each.account("money"), filled.get(f"{each.account('money')}:source")
        total = read_game(each.kind, each.params)
        budget = getattr(total, "total_minor", None)
        # What came back at the end left the account too, but nobody has it.
        given = -source.balance - accounts[money].balance if source else None
        claimed = 0
        if left is not None:
            claimed = -filled[f"{each.left}:source"].balance - left.available
        rows.append(
            Progress(
                each, GAMES[each.kind].title, status, REWARD_STATES[status], claimed, given, budget
            )
        )
    return rows


def _status(found: Reward, now: datetime) -> str:
    if found.state is RewardState.DRAFT:
        return "draft"
    if found.state is RewardState.STOPPED:
        return "closed"
    shut = shut_at(found, now)
    if isinstance(shut, NotOpen):
        return "scheduled"
    return "ended" if isinstance(shut, Closed) else "live"


def _accounts(tx: Connection, found: Reward) -> list[tuple[Account, bool]]:
    """Return the reward's own accounts, and whether they hold money."""
    fillings = read_game(found.kind, found.params).fillings(found)
    keys = [found.left, *(filling.account for filling in fillings)]
    accounts = accounts_by_keys(tx, shop_id=found.shop_id, keys=keys)
    return [(accounts[key], accounts[key].unit == MONEY) for key in keys if key in accounts]


def _reward_of(tx: Connection, member: Member, key: str) -> Reward:
    return read_reward(tx, shop=member.shop, reward_id=ids.inward("rwd", key))


def _written(instant: datetime, member: Member) -> str:
    return instant.astimezone(member.shop.tz).strftime("%Y-%m-%dT%H:%M")


def _back(request: AnyRequest, member: Member, key: str, message: str) -> Response[Any]:
    text = translate(message, view_of(request, member).language)
    return see_other(f"/shops/{member.shop.slug}/rewards/{key}", message=text)


routes = [
    reward_list,
    reward_new,
    reward_save,
    reward_page,
    reward_edit,
    reward_publish,
    reward_stop,
]

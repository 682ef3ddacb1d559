"""Tickets of draws: which reward gives those of which draw, and what a customer holds of them."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection

from springtide.domain.access.model import Shop
from springtide.domain.ledger.queries import accounts_by_keys
from springtide.domain.rewards.games import read_game
from springtide.domain.rewards.games.draw import Draw
from springtide.domain.rewards.grants import tickets_account
from springtide.domain.rewards.model import Game, Reward
from springtide.domain.rewards.queries import rewards_by_ids, rewards_of_kind, rewards_page
from springtide.domain.rewards.states import RewardState
from springtide.kit.errors import N_, Invalid, Refusal
from springtide.kit.ids import BadId, inward

#: Rewards that are looked through for those that give tickets of a draw.
REWARDS_MAX = 1_000


class UnknownDraw(Refusal):
    """Tickets of what is no draw, is over, or needs none."""

    code = "reward_draw_unknown"
    text = N_("Choose one of the shop's draws that need a ticket and are not over.")


class TicketsGiven(Refusal):
    """A draw that would need no tickets any more, though other rewards give them."""

    code = "draw_tickets_given"
    text = N_("The reward “{name}” gives tickets of this draw, so it has to need them.")


def draw_of(game: Game) -> str | None:
    """Return the key of the draw whose tickets a game gives, or None."""
    draw: str | None = getattr(game, "draw", None)
    return draw if getattr(game, "what", "tickets") == "tickets" else None


def ticketed_draws(tx: Connection, *, shop: Shop, now: datetime) -> list[Reward]:
    """Return the draws that need a ticket and are not over, drafts among them, the newest first."""
    found = rewards_page(tx, shop=shop, limit=REWARDS_MAX)
    return [each for each in found if _takes_tickets(each) and now < each.closes_at]


def wrong_draw(tx: Connection, *, shop: Shop, game: Game, now: datetime) -> Refusal | None:
    """Return why a game gives tickets that no draw of the shop takes, or None."""
    key = draw_of(game)
    if key is None:
        return None
    try:
        draw_id = inward("rwd", key)
    except BadId:
        return UnknownDraw()
    found = rewards_by_ids(tx, shop=shop, ids=[draw_id]).get(draw_id)
    is_right = found is not None and _takes_tickets(found) and now < found.closes_at
    return None if is_right else UnknownDraw()


def refuse_ticketless(tx: Connection, *, shop: Shop, key: str, game: Game) -> None:
    """Refuse (Invalid, ``needs_ticket``) that a draw needs no tickets which others give."""
    if isinstance(game, Draw) and game.needs_ticket:
        return
    for each in rewards_page(tx, shop=shop, limit=REWARDS_MAX):
        if (
            each.state is not RewardState.STOPPED
            and draw_of(read_game(each.kind, each.params)) == key
        ):
            raise Invalid({"needs_ticket": TicketsGiven(name=each.name)})


def tickets_of(tx: Connection, *, shop: Shop, customer_key: str, now: datetime) -> dict[str, int]:
    """Return how many tickets a customer holds, by the keys of the draws that are not over."""
    draws = [
        each.key
        for each in rewards_of_kind(tx, shop=shop, kind=Draw.kind, is_open=True)
        if _takes_tickets(each) and now < each.closes_at
    ]
    return held_tickets(tx, shop_id=shop.id, customer_key=customer_key, draws=draws)


def held_tickets(
    tx: Connection, *, shop_id: UUID, customer_key: str, draws: Iterable[str]
) -> dict[str, int]:
    """Return how many tickets a customer holds of these draws."""
    keys: Mapping[str, str] = {tickets_account(draw, customer_key): draw for draw in draws}
    found = accounts_by_keys(tx, shop_id=shop_id, keys=keys) if keys else {}
    return {keys[key]: account.available for key, account in found.items() if account.available}


def _takes_tickets(reward: Reward) -> bool:
    if reward.state is RewardState.STOPPED or reward.kind != Draw.kind:
        return False
    game = read_game(reward.kind, reward.params)
    return isinstance(game, Draw) and game.needs_ticket

"""Every kind of reward, whoever added it: described in both languages, checked, played, kept."""

from datetime import datetime, timedelta
from typing import Any, cast, get_type_hints
from zoneinfo import ZoneInfo

import msgspec
import pytest

from springtide.domain.access.act import Act
from springtide.domain.ledger.queries import imbalances
from springtide.domain.rewards.games import GAMES, BadGameParams, read_game
from springtide.domain.rewards.model import Attempt, Bought, Done, Reward, Terms
from springtide.domain.rewards.operations import stop_reward
from springtide.kit.db import Database
from springtide.kit.errors import Invalid
from springtide.kit.i18n import chinese
from tests.kit.rewards import RULE, attempt, claimed, codes, published, ticketed_draw
from tests.kit.shops import ACTOR, new_shop

#: Stands for a draw of the shop that needs a ticket.
DRAW = "rwd_00000000000000000000000000"
#: Parameters that each kind takes, and what a claim of it gives.
EXAMPLES: dict[str, tuple[dict[str, Any], str]] = {
    "coupon": ({"rule": RULE}, "coupon"),
    "packet": ({"rule": RULE, "total_minor": 1_000, "split": "even_odds"}, "packet"),
    "phrase_packet": ({"rule": RULE, "total_minor": 1_000, "phrase": "open"}, "packet"),
    "flash": ({"rule": RULE, "product_key": "tea"}, "flash"),
    "group_buy": (
        {
            "rule": RULE,
            "product_key": "tea",
            "tiers": [{"people": 2, "unit_minor": 900}, {"people": 5, "unit_minor": 700}],
        },
        "group",
    ),
    "presale": (
        {
            "rule": RULE,
            "product_key": "tea",
            "deposit_minor": 1_000,
            "worth_minor": 2_000,
            "balance_after_hours": 2,
        },
        "presale",
    ),
    "draw": (
        {"prizes": [{"name": "cup", "what": "gift", "stock": 9, "odds_ppm": 1_000_000}]},
        "gift",
    ),
    "check_in": ({"points": [1, 2]}, "points"),
    "share": ({"what": "points", "sharer_amount": 5, "friend_amount": 3, "budget": 100}, "points"),
    "buy_to_get": ({"what": "points", "amount": 5, "budget": 100}, "points"),
    "task": ({"deed": "view", "wanted": 2, "what": "points", "amount": 5}, "points"),
    "ticket": ({"draw": DRAW}, "tickets"),
}


@pytest.fixture(params=sorted(GAMES))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_every_kind_has_an_example(kind: str) -> None:
    assert kind in EXAMPLES


def test_a_kind_says_what_it_is_in_both_languages(kind: str) -> None:
    game = GAMES[kind]
    hints = get_type_hints(game, include_extras=True)
    titles = [
        meta.title
        for field in msgspec.structs.fields(cast("Any", game))
        for meta in getattr(hints[field.name], "__metadata__", ())
    ]
    assert titles
    for text in (game.title, game.about, *titles):
        assert text
        assert chinese().get(text, text) != text


def test_what_a_kind_does_not_know_is_refused(kind: str) -> None:
    params, _ = EXAMPLES[kind]
    for wrong in ({**params, "surprise": 1}, {"surprise": 1}):
        with pytest.raises(Invalid) as refused:
            read_game(kind, wrong)
        assert isinstance(next(iter(refused.value.fields.values())), BadGameParams)


def test_a_kind_is_claimed_and_stopped(kind: str, database: Database, now: datetime) -> None:
    params, what = EXAMPLES[kind]
    shop = new_shop(database, now=now)
    if "draw" in params:
        params = {**params, "draw": ticketed_draw(database, shop, now=now).key}
    reward = published(database, shop, kind, params, now=now, quantity=10, use_days=9)
    tries = [_try(reward, n, now) for n in range(4)]
    assert codes(claimed(database, shop, *tries, now=now)) == [what] * 4
    # The same again is the same; somebody else after the end gets nothing.
    assert codes(claimed(database, shop, *tries, now=now + timedelta(days=2))) == [what] * 4
    late = _try(reward, 9, now + timedelta(days=2))
    assert codes(claimed(database, shop, late, now=now + timedelta(days=2))) == ["reward_closed"]
    with database.write() as tx:
        stop_reward(Act.of(tx, shop, ACTOR, now), reward_id=reward.id)
    with database.read() as tx:
        assert imbalances(tx, shop_id=shop.id) == []


def _try(reward: Reward, number: int, at: datetime) -> Attempt:
    earned = {"bought": Bought(f"o{number}", at, {"tea": 1_000})}
    more: dict[str, Any] = earned if reward.kind == "buy_to_get" else {"phrase": "open"}
    if reward.kind == "share":
        more = {"shared_by": f"sharer{number}"}
    if reward.kind == "task":
        more = {"done": Done(at.astimezone(ZoneInfo(reward.zone_name)).date(), 2)}
    return attempt(reward.id, f"c{number}", **more)


def test_parameters_stay_what_they_are_through_json(kind: str) -> None:
    params, _ = EXAMPLES[kind]
    game = read_game(kind, params)
    assert read_game(kind, msgspec.to_builtins(game)) == game
    assert game.problems(Terms(quantity=10)) == {}

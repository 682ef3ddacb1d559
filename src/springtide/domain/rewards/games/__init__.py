"""Kinds of rewards and games, one file each; one is added by adding its file."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from springtide.domain.rewards.model import Game, Terms
from springtide.kit.errors import N_, Invalid, Refusal
from springtide.kit.registry import Registry

GAMES: Registry[Game] = Registry("games", __name__, Game)  # type: ignore[type-abstract]


class UnknownGame(Refusal):
    """A kind of reward that is not installed."""

    code = "unknown_game"
    text = N_("There is no reward or game of the kind “{kind}”.")


class BadGameParams(Refusal):
    """Parameters that do not have the game's shape."""

    code = "bad_game_params"
    text = N_("The reward cannot be read: {why}")


def read_game(kind: str, params: Mapping[str, Any]) -> Game:
    """Return the game of a kind with its parameters; refuse what has not its shape."""
    if kind not in GAMES:
        raise UnknownGame(kind=kind[:60])
    try:
        return msgspec.convert(params, GAMES[kind])
    except msgspec.ValidationError as error:
        raise Invalid({_field(error): BadGameParams(why=str(error))}) from error


def checked_game(kind: str, params: Mapping[str, Any], terms: Terms) -> Game:
    """Return a game that may be saved; refuse one with problems, by field."""
    game = read_game(kind, params)
    problems = game.problems(terms)
    if problems:
        raise Invalid(problems)
    return game


def _field(error: msgspec.ValidationError) -> str:
    found = re.search(r"`\$\.?([^`]*)`", str(error))
    named = re.sub(r"\[(\d+)\]", r".\1", found[1]) if found else ""
    return named.lstrip(".") or "params"

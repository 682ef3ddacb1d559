"""One actor's act in one shop: what every write needs to know of who does it, where and when."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from sqlalchemy import Connection

from springtide.domain.access.model import Actor, Shop
from springtide.kit.db import real_now


@dataclass(frozen=True, slots=True)
class Act:
    """Who changes what is a shop's, within which write transaction, and when.

    ``now`` is what the shop's clock shows (its campaigns, prices and rewards live by it),
    ``real_now`` the real instant (people, keys, consent and what one may give alone live by it);
    they are the same unless the shop's clock is simulated.
    """

    tx: Connection
    shop: Shop
    actor: Actor
    now: datetime
    real_now: datetime

    @classmethod
    def of(cls, tx: Connection, shop: Shop, actor: Actor, now: datetime | None = None) -> Self:
        """Return an act at this moment, or at the shop's ``now`` where it was read before."""
        real = real_now(tx)
        return cls(tx, shop, actor, shop.now(real) if now is None else now, real)

    def by(self, actor: Actor) -> Self:
        """Return the same act in another actor's name."""
        return replace(self, actor=actor)

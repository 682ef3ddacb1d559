"""Writing shops, their clocks, and who keeps their points."""

import re
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, insert, select, update

from springtide.domain.access.act import Act
from springtide.domain.access.audited import AuditAction, AuditGroup
from springtide.domain.access.model import Actor, PointsKeeper, Shop
from springtide.domain.access.operations.audit import record_act, record_audit
from springtide.domain.access.operations.names import check, checked_name
from springtide.domain.access.store import shops
from springtide.kit.errors import N_, Invalid, Refusal
from springtide.kit.ids import uuid7
from springtide.kit.time import SimulatedClock, zone

CREATED = AuditAction("shop.create", N_("Shop created"), AuditGroup.SHOP)
CLOCK_SET = AuditAction("shop.set_clock", N_("Shop time set"), AuditGroup.SHOP)
FACTOR_REQUIRED = AuditAction(
    "shop.second_factor", N_("Second factor asked of everybody, or no longer"), AuditGroup.SHOP
)
POINTS_KEPT = AuditAction("shop.points", N_("Keeper of points set"), AuditGroup.SHOP)

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,58}[a-z0-9])?")


class BadSlug(Refusal):
    """A short name that would not stand well in an address."""

    code = "bad_slug"
    text = N_("“{value}” is no short name: use 1 to 60 of a-z, 0-9 and - inside.")


class SlugTaken(Refusal):
    """Another shop has this short name."""

    code = "slug_taken"
    status = 409
    text = N_("There is a shop with the short name “{slug}” already.")


class BadCurrency(Refusal):
    """A text that is not a currency code."""

    code = "bad_currency"
    text = N_("“{value}” is not a currency code of three letters, such as CNY.")


def create_shop(
    tx: Connection,
    *,
    slug: str,
    name: str,
    currency: str,
    zone_name: str,
    actor: Actor,
    now: datetime,
    is_demo: bool = False,
) -> Shop:
    """Create a shop; refuses (Invalid) bad fields and (SlugTaken) a taken short name."""
    wrong: dict[str, Refusal] = {}
    if not _SLUG.fullmatch(slug):
        wrong["slug"] = BadSlug(value=slug[:60])
    if not re.fullmatch("[A-Z]{3}", currency):
        wrong["currency"] = BadCurrency(value=currency[:10])
    check(wrong, "name", lambda: checked_name(name))
    check(wrong, "zone", lambda: zone(zone_name))
    if wrong:
        raise Invalid(wrong)
    if tx.execute(select(shops.c.id).where(shops.c.slug == slug)).first():
        raise SlugTaken(slug=slug)
    shop = Shop(uuid7(now), slug, name.strip(), currency, zone_name, is_demo=is_demo)
    values = {"slug": slug, "name": shop.name, "currency": currency, "zone_name": zone_name}
    tx.execute(insert(shops).values(id=shop.id, is_demo=is_demo, created_at=now, **values))
    record_audit(tx, shop=shop, actor=actor, action=CREATED, subject=slug, after=values)
    return shop


def lock_shop(tx: Connection, *, shop_id: UUID) -> None:
    """Let one transaction at a time a shop go on from here; rows may still refer to the shop."""
    tx.execute(select(shops.c.id).where(shops.c.id == shop_id).with_for_update(key_share=True))


def set_clock(act: Act, *, clock: SimulatedClock | None) -> None:
    """Give a shop a simulated clock, or with None the real one; ``now`` is the real time."""
    act.tx.execute(
        update(shops)
        .where(shops.c.id == act.shop.id)
        .values(
            clock_shows_at=clock and clock.shows,
            clock_set_at=clock and clock.set_at,
            clock_speed=clock and clock.speed,
            clock_stops_at=clock and clock.stops_at,
        )
    )
    record_audit(
        act.tx,
        shop=act.shop.id,
        actor=act.actor,
        action=CLOCK_SET,
        subject="clock",
        after=clock and {key: str(value) for key, value in asdict(clock).items()},
    )


def require_factor(act: Act, *, is_required: bool) -> None:
    """Ask everybody of a shop for a second factor, or no longer; ``now`` is the real time."""
    if is_required == act.shop.requires_second_factor:
        return
    act.tx.execute(
        update(shops).where(shops.c.id == act.shop.id).values(requires_second_factor=is_required)
    )
    record_act(
        act,
        action=FACTOR_REQUIRED,
        subject=act.shop.slug,
        before={"required": act.shop.requires_second_factor},
        after={"required": is_required},
    )


def keep_points(act: Act, *, keeper: PointsKeeper) -> None:
    """Say who keeps the points of a shop's customers; ``now`` is the real time."""
    if keeper is act.shop.points_kept_by:
        return
    act.tx.execute(
        update(shops).where(shops.c.id == act.shop.id).values(points_kept_by=keeper.value)
    )
    record_act(
        act,
        action=POINTS_KEPT,
        subject=act.shop.slug,
        before={"kept_by": act.shop.points_kept_by.value},
        after={"kept_by": keeper.value},
    )

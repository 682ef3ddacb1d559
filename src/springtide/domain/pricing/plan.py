"""The rules of a shop, compiled once: indexed by product, ordered by lane, ready to price carts."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec

from springtide.domain.pricing.model import Buyer, Cart, PriceFacts
from springtide.domain.pricing.rule import (
    LANES,
    ActiveRule,
    Asks,
    Compiled,
    Giving,
    Guard,
    OnMoney,
    PerGroup,
    PerLine,
)
from springtide.domain.pricing.rules import read_rule
from springtide.domain.pricing.stacking import Stacked, ordered

#: Products, and kinds of buyers, whose rules are remembered.
_KEPT_MAX = 100_000


class Plan:
    """Rules of one shop with their guards, as the search takes them.

    Sets of rules are bit masks over ``rules``, whose order is the order of application. Equal
    rules make equal plans: ``digest`` names all that decisions depend on.
    """

    def __init__(
        self,
        rules: Iterable[ActiveRule],
        *,
        guards: Mapping[str, Guard] | None = None,
        zone: str = "UTC",
    ) -> None:
        read = {rule.id: read_rule(rule.kind, rule.params) for rule in rules}
        compiled = {rule_id: each.compiled() for rule_id, each in read.items()}
        lanes = {rule_id: LANES.index(shape.lane) for rule_id, shape in compiled.items()}
        stacked: Stacked = ordered(rules, lanes)
        self.rules: tuple[ActiveRule, ...] = stacked.rules
        self.excludes: tuple[int, ...] = stacked.excludes
        self.combines: tuple[int, ...] = stacked.combines
        self.has_excludes = any(stacked.excludes)
        self.lanes: tuple[int, ...] = tuple(lanes[rule.id] for rule in self.rules)
        self.shapes: tuple[Compiled, ...] = tuple(compiled[rule.id] for rule in self.rules)
        self.index = {rule.id: place for place, rule in enumerate(self.rules)}
        self.guards = dict(guards or {})
        self.zone = zone
        self.per_line = _mask(self.shapes, PerLine)
        self.per_group = _mask(self.shapes, PerGroup)
        self.on_money = _mask(self.shapes, OnMoney)
        self.giving = _mask(self.shapes, Giving)
        self.digest = hashlib.sha256(
            msgspec.json.encode((self.rules, sorted(self.guards.items()), zone), order="sorted")
        ).digest()
        self._whole: list[int] = []
        self._by: dict[tuple[str, str], list[int]] = {}
        self._index_products()
        few = tuple(p for p in self._whole if self.rules[p].conditions.products.except_keys)
        #: The rules that hold for every product, and those that hold for every one but a few.
        self.everywhere = sum(1 << place for place in self._whole if place not in few)
        self._but_few = few
        #: The products that rules give.
        self.gift_keys = tuple(
            sorted(
                {key for shape in self.shapes if isinstance(shape, Giving) for key in shape.keys}
            )
        )
        #: What each rule asks of the buyer, beside its conditions.
        self.asks: tuple[tuple[Asks, ...], ...] = tuple(read[rule.id].asks for rule in self.rules)
        #: Whether a rule asks for the buyer's tier, or for a first order.
        self.asks_standing = any(
            bool(rule.conditions.tiers or rule.conditions.is_first_order) or bool(asks)
            for rule, asks in zip(self.rules, self.asks, strict=True)
        )
        self._codes: dict[str, int] = {}
        self._coded = self._issued = 0
        self._index_codes()
        self._matches: dict[str, tuple[PriceFacts, tuple[int, ...]]] = {}
        self._buyers: dict[tuple[object, ...], int] = {}
        self._open: tuple[datetime, datetime, int] | None = None
        self._tz = ZoneInfo(zone)
        self.guarded = [
            (place, self.guards[rule.campaign_key])
            for place, rule in enumerate(self.rules)
            if rule.campaign_key in self.guards and self.guards[rule.campaign_key].mode != "allow"
        ]

    def codes_unknown(self, codes: Iterable[str]) -> list[str]:
        """Return those of some typed codes that no rule asks for, as they are compared."""
        return [code for code in map(normal_code, codes) if code not in self._codes]

    def _index_codes(self) -> None:
        for place, rule in enumerate(self.rules):
            if rule.conditions.code:
                self._coded |= 1 << place
                code = normal_code(rule.conditions.code)
                self._codes[code] = self._codes.get(code, 0) | 1 << place
            if rule.conditions.is_issued:
                self._issued |= 1 << place

    def _index_products(self) -> None:
        for place, rule in enumerate(self.rules):
            products, shape = rule.conditions.products, self.shapes[place]
            keys = shape.needs_keys if isinstance(shape, PerGroup) else ()
            if keys:
                for key in keys:
                    self._by.setdefault(("key", key), []).append(place)
            elif not (products.keys or products.categories or products.brands or products.tags):
                self._whole.append(place)
            else:
                named = (
                    *(("key", each) for each in products.keys),
                    *(("category", each) for each in products.categories),
                    *(("brand", each) for each in products.brands),
                    *(("tag", each) for each in products.tags),
                )
                for name in named:
                    self._by.setdefault(name, []).append(place)

    def match(self, key: str, facts: PriceFacts) -> tuple[int, ...]:
        """Return the rules for a product, beside those ``everywhere``."""
        kept = self._matches.get(key)
        if kept is not None:
            before = kept[0]
            if before is facts or (
                before.category == facts.category
                and before.brand == facts.brand
                and before.tags == facts.tags
            ):
                return kept[1]
        names = [("key", key), ("category", facts.category), ("brand", facts.brand)]
        names += [("tag", tag) for tag in facts.tags]
        found = {place for name in names for place in self._by.get(name, ())}
        found.update(self._but_few)
        places = tuple(
            place
            for place in sorted(found)
            if key not in self.rules[place].conditions.products.except_keys
        )
        if len(self._matches) >= _KEPT_MAX:
            self._matches.clear()
        self._matches[key] = (facts, places)
        return places

    def holding(self, cart: Cart, buyer: Buyer, now: datetime) -> int:
        """Return the rules whose conditions on time, buyer, codes and limits hold."""
        kept = self._open
        if kept is None or not kept[0] <= now < kept[1]:
            kept = self._open = self._opened(now)
        key = (buyer.tier, buyer.segments, buyer.channel, buyer.region, buyer.is_first_order)
        mask = self._buyers.get(key)
        if mask is None:
            mask = sum(1 << place for place, rule in enumerate(self.rules) if suits(rule, buyer))
            if len(self._buyers) >= _KEPT_MAX:
                self._buyers.clear()
            self._buyers[key] = mask
        mask &= kept[2]
        if self._coded:
            typed = 0
            for code in cart.codes:
                typed |= self._codes.get(normal_code(code), 0)
            mask &= ~self._coded | typed
        if self._issued:
            held = sum(1 << self.index[each] for each in buyer.issued if each in self.index)
            mask &= ~self._issued | held
        for rule_id, left in buyer.left.items():
            used_up = left.customer == 0 or left.total == 0 or left.money_minor == 0
            if used_up and rule_id in self.index:
                mask &= ~(1 << self.index[rule_id])
        return mask

    def minute(self, now: datetime) -> int:
        """Return the minute of the day on the shop's wall clock."""
        local = now.astimezone(self._tz)
        return local.hour * 60 + local.minute

    def _opened(self, now: datetime) -> tuple[datetime, datetime, int]:
        """Return which rules' windows hold, and from when until when that stays so."""
        since = datetime.min.replace(tzinfo=now.tzinfo)
        until = datetime.max.replace(tzinfo=now.tzinfo)
        minute, mask = self.minute(now), 0
        for place, rule in enumerate(self.rules):
            for edge in (rule.starts_at, rule.ends_at):
                if edge is not None and edge <= now:
                    since = max(since, edge)
                elif edge is not None:
                    until = min(until, edge)
            hours = rule.conditions.hours
            if hours:
                # Windows of the day switch at full minutes of the wall clock.
                begin = now.replace(second=0, microsecond=0)
                since, until = max(since, begin), min(until, begin + timedelta(minutes=1))
            is_open = not hours or any(each.holds(minute) for each in hours)
            if is_open and not is_outside(rule, now):
                mask |= 1 << place
        return since, until, mask


def is_outside(rule: ActiveRule, now: datetime) -> bool:
    """Tell whether an instant lies outside a rule's half-open window."""
    return bool(
        (rule.starts_at is not None and now < rule.starts_at)
        or (rule.ends_at is not None and now >= rule.ends_at)
    )


def suits(rule: ActiveRule, buyer: Buyer) -> bool:
    """Tell whether a rule's conditions on the buyer hold."""
    wanted = rule.conditions
    return (
        (not wanted.tiers or buyer.tier in wanted.tiers)
        and (not wanted.segments or any(each in wanted.segments for each in buyer.segments))
        and (not wanted.channels or buyer.channel in wanted.channels)
        and (not wanted.regions or buyer.region in wanted.regions)
        and buyer.region not in wanted.except_regions
        and (buyer.is_first_order or not wanted.is_first_order)
    )


def normal_code(code: str) -> str:
    """Return a code as it is compared: without case and outer blanks."""
    return code.strip().casefold()


def _mask(shapes: Sequence[Compiled], kind: type[Compiled]) -> int:
    return sum(1 << place for place, shape in enumerate(shapes) if isinstance(shape, kind))

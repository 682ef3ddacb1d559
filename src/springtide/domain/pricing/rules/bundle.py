"""套装: products together at one price."""

from collections.abc import Sequence
from typing import Annotated, ClassVar

import msgspec

from springtide.domain.pricing import checks
from springtide.domain.pricing.rule import Asks, Compiled, PerGroup, unit
from springtide.kit.errors import N_, Refusal

PARTS_MAX = 20


class PartTwice(Refusal):
    """A product twice in one bundle."""

    code = "bundle_part_twice"
    text = N_("{product_key} stands in the bundle twice; raise its pieces instead.")


class BundleTooSmall(Refusal):
    """A bundle of one piece."""

    code = "bundle_too_small"
    text = N_("A bundle has from two pieces to {limit} products.")


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """So many pieces of one product."""

    product_key: Annotated[str, msgspec.Meta(max_length=120), unit(N_("Product"), "product")]
    pieces: Annotated[int, unit(N_("Pieces"), "pieces")] = 1


class Bundle(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Products at one price together."""

    kind: ClassVar[str] = "bundle"
    title: ClassVar[str] = N_("Bundle")
    about: ClassVar[str] = N_("Named products together at one price.")
    asks: ClassVar[tuple[Asks, ...]] = ()

    parts: Annotated[tuple[Part, ...], unit(N_("Products"), "steps")]
    price_minor: Annotated[int, unit(N_("Price of the bundle"), "money")]
    times_max: Annotated[int, unit(N_("At most so many times (0: no limit)"), "pieces")] = 0

    def problems(self) -> dict[str, Refusal]:
        """Refuse a bundle of one piece, a product twice, numbers out of range."""
        if not 1 <= len(self.parts) <= PARTS_MAX or sum(part.pieces for part in self.parts) < 2:
            return {"parts": BundleTooSmall(limit=PARTS_MAX)}
        problems = checks.found(
            price_minor=checks.amount(self.price_minor),
            times_max=checks.pieces(self.times_max, least=0),
        )
        seen: set[str] = set()
        for index, part in enumerate(self.parts):
            if problem := checks.pieces(part.pieces):
                problems[f"parts.{index}.pieces"] = problem
            if part.product_key in seen:
                problems[f"parts.{index}.product_key"] = PartTwice(product_key=part.product_key)
            seen.add(part.product_key)
        return problems

    def products_named(self) -> tuple[str, ...]:
        """The bundle's own products."""
        return tuple(part.product_key for part in self.parts)

    def compiled(self) -> Compiled:
        """Over the bundle's lines: what they have above the price, as often as they make one."""
        parts = {part.product_key: part.pieces for part in self.parts}
        price, most = self.price_minor, self.times_max

        def over(units: Sequence[int], quantities: Sequence[int], keys: Sequence[str]) -> int:
            if len(keys) < len(parts):
                return 0
            times = min(count // parts[key] for key, count in zip(keys, quantities, strict=True))
            if most:
                times = min(times, most)
            alone = sum(each * parts[key] for each, key in zip(units, keys, strict=True))
            return max(0, alone - price) * times

        return PerGroup(over, sum(parts.values()), tuple(sorted(parts)))

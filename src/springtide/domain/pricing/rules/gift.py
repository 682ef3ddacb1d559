"""赠品: products given from a threshold on; the best step reached gives, once or every time."""

from typing import Annotated, ClassVar

import msgspec

from springtide.domain.pricing import checks
from springtide.domain.pricing.rule import Asks, Compiled, Giving, unit
from springtide.kit.errors import N_, Refusal


class GiftAlways(Refusal):
    """A gift that repeats and asks for nothing."""

    code = "gift_repeat"
    text = N_("A gift for every threshold needs a threshold of money or pieces.")


class Gift(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Pieces of a product, given from money or pieces on."""

    kind: ClassVar[str] = "gift"
    title: ClassVar[str] = N_("Gift with purchase")
    about: ClassVar[str] = N_("A product for nothing from so much money or so many pieces on.")
    asks: ClassVar[tuple[Asks, ...]] = ()

    product_key: Annotated[str, msgspec.Meta(max_length=120), unit(N_("Gift"), "product")]
    quantity: Annotated[int, unit(N_("Pieces"), "pieces")] = 1
    threshold_minor: Annotated[int, unit(N_("From (0: any order)"), "money")] = 0
    pieces: Annotated[int, unit(N_("From pieces (0: any)"), "pieces")] = 0
    times_max: Annotated[
        int, unit(N_("For every threshold, at most times (0: once)"), "pieces")
    ] = 0

    def problems(self) -> dict[str, Refusal]:
        """Refuse numbers out of range."""
        problems = checks.found(
            quantity=checks.pieces(self.quantity),
            threshold_minor=checks.amount(self.threshold_minor) if self.threshold_minor else None,
            pieces=checks.pieces(self.pieces, least=0),
            times_max=checks.pieces(self.times_max, least=0),
        )
        if self.times_max and not (self.threshold_minor or self.pieces):
            problems["times_max"] = GiftAlways()
        return problems

    def products_named(self) -> tuple[str, ...]:
        """The gift."""
        return (self.product_key,)

    def compiled(self) -> Compiled:
        """What is given for so much money and so many pieces."""
        key, count, most = self.product_key, self.quantity, self.times_max
        threshold, least = self.threshold_minor, self.pieces

        def gifts(money: int, pieces: int) -> tuple[tuple[str, int], ...]:
            if money < threshold or pieces < least:
                return ()
            times = [money // threshold] if threshold else []
            times += [pieces // least] if least else []
            return ((key, count * (min(*times, most) if most else 1)),)

        return Giving(gifts, (key,), threshold, max(1, least))

"""What the rules of one lane give together, at most: the bound that closes branches."""

from springtide.domain.pricing.priced_cart import OnLines
from springtide.domain.pricing.stack import WHOLE


class Ranked:
    """The rules of one lane, the largest first (or in their order, where some combine).

    ``flat[k][line]`` and ``rates[k][line]`` are the most that a rule from ``k`` on gives a line:
    an amount, or basis points of what the line has left. Rules that share no line give together
    at most the sum over the lines. Where all rules see the whole cart, the cart is the one line.
    """

    __slots__ = ("flat", "is_ordered", "is_whole", "most", "rates", "rules")

    def __init__(
        self,
        found: list[tuple[int, OnLines]],
        nets: list[int],
        is_ordered: bool,
        is_whole: bool,
        has_rates: bool,
    ) -> None:
        self.rules = [rule for _, rule in found]
        self.most = [most for most, _ in found]
        self.is_ordered = is_ordered
        self.is_whole = is_whole or (bool(found) and found[0][1].is_shipping)
        width = 1 if self.is_whole else len(nets)
        flat, rates = [0] * width, [0] * width
        self.flat: list[list[int]] = []
        self.rates: list[list[int]] = []
        for most, rule in reversed(found):
            self._raise(most, rule, nets, flat, rates, has_rates)
            self.flat.append(list(flat))
            self.rates.append(list(rates))
        self.flat.reverse()
        self.rates.reverse()

    def _raise(
        self,
        most: int,
        rule: OnLines,
        nets: list[int],
        flat: list[int],
        rates: list[int],
        has_rates: bool,
    ) -> None:
        """Raise what lines get at most by what one more rule gives."""
        rate = 0
        if has_rates:
            for step in rule.curve:
                rate = step.bps if step.bps > rate else rate
        lines = (0,) if self.is_whole else rule.lines
        if rate:
            for line in lines:
                rates[line] = rate if rate > rates[line] else rates[line]
            return
        whole = 0
        for line in lines:
            whole += nets[line]
        for line in lines:
            share = most * nets[line] // whole + 1 if whole and not self.is_whole else most
            flat[line] = share if share > flat[line] else flat[line]

    def rest(self, start: int, taken: int, nets: list[int], money: int) -> int:
        """Return what the rules from one on give together, at most, off the lines not taken."""
        if start >= len(self.rules):
            return 0
        if self.is_ordered:
            return sum(self.most[start:])
        flat, rates = self.flat[start], self.rates[start]
        if self.is_whole:
            most = rates[0] * money // WHOLE + 1 if rates[0] else 0
            return most if most > flat[0] else flat[0]
        rest = 0
        for line, most in enumerate(flat):
            if not taken >> line & 1:
                rate = rates[line]
                if rate:
                    part = rate * nets[line] // WHOLE + 1
                    rest += part if part > most else most
                else:
                    rest += most
        return rest

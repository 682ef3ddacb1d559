"""抽奖: prizes with stock and odds that are published first, and a result that anyone can check."""

from datetime import datetime, timedelta
from typing import Annotated, ClassVar, Literal

import msgspec

from springtide.domain.ledger.batch import Batch
from springtide.domain.ledger.model import MONEY, Opening, Transfer
from springtide.domain.rewards import checks
from springtide.domain.rewards.grants import POINTS, account_of, grant, tickets_account
from springtide.domain.rewards.model import (
    QUANTITY_MAX,
    Attempt,
    Filling,
    Granted,
    Played,
    Reward,
    SoldOut,
    Terms,
    unit,
)
from springtide.domain.rewards.proof import ENTRIES_MAX, WHOLE_PPM, Odds, result_of
from springtide.kit.errors import N_, Refusal
from springtide.kit.money import AMOUNT_MINOR_MAX
from springtide.kit.text import text_problem

PRIZES_MAX = 20


class OddsTooMany(Refusal):
    """Odds that are more than one in all."""

    code = "draw_odds"
    text = N_("The odds come to {sum_ppm} millionths; a million is certain.")


class PrizeTwice(Refusal):
    """Two prizes of one name: nobody could tell which was won."""

    code = "draw_prize_twice"
    text = N_("Give each prize a name of its own.")


class NoTicket(Refusal):
    """A draw that needs a ticket."""

    code = "draw_no_ticket"
    status = 409
    text = N_("You have no ticket for this draw.")


class Prize(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One prize: what it is, how many there are, and its odds in millionths of a draw."""

    name: Annotated[str, unit(N_("Prize"), "text")]
    what: Annotated[
        Literal["coupon", "packet", "points", "gift", "free_order"], unit(N_("Kind"), "choice")
    ]
    stock: Annotated[int, unit(N_("Stock"), "pieces")]
    odds_ppm: Annotated[int, unit(N_("Odds"), "ppm")]
    amount: Annotated[int, unit(N_("Worth"), "number")] = 0
    rule: Annotated[str | None, unit(N_("Spent by the rule"), "rule")] = None


class Draw(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A draw at once: each entry has a number, and the number its result."""

    kind: ClassVar[str] = "draw"
    title: ClassVar[str] = N_("Draw")
    about: ClassVar[str] = N_("Prizes by chance, with published odds that anyone can check.")
    lasts: ClassVar[timedelta] = timedelta(0)
    in_pieces: ClassVar[bool] = False
    repeats: ClassVar[bool] = False

    prizes: Annotated[tuple[Prize, ...], unit(N_("Prizes"), "prizes")]
    needs_ticket: Annotated[bool, unit(N_("Needs a ticket"), "yes")] = False

    def problems(self, terms: Terms) -> dict[str, Refusal]:
        """Refuse prizes without stock, without worth or with impossible odds."""
        wrong = checks.found(prizes=checks.in_range(len(self.prizes), 1, PRIZES_MAX))
        if terms.quantity > ENTRIES_MAX:
            # More than the published list can prove.
            wrong["quantity"] = checks.OutOfRange(least=1, most=ENTRIES_MAX)
        for index, prize in enumerate(self.prizes):
            money = prize.what in ("packet", "points")
            each = checks.found(
                name=text_problem(prize.name, length_max=60, is_needed=True),
                stock=checks.in_range(prize.stock, 1, QUANTITY_MAX),
                odds_ppm=checks.in_range(prize.odds_ppm, 1, WHOLE_PPM),
                amount=checks.in_range(prize.amount, 1 if money else 0, AMOUNT_MINOR_MAX),
            )
            if prize.what in ("coupon", "packet"):
                each |= checks.refuse_rule(prize.rule or "")
            wrong |= {f"prizes.{index}.{field}": problem for field, problem in each.items()}
        if not wrong and len({prize.name for prize in self.prizes}) < len(self.prizes):
            wrong["prizes"] = PrizeTwice()
        total = sum(prize.odds_ppm for prize in self.prizes)
        if not wrong and total > WHOLE_PPM:
            wrong["prizes"] = OddsTooMany(sum_ppm=total)
        return wrong

    def fillings(self, reward: Reward) -> tuple[Filling, ...]:
        """The stock of every prize, and the money and points that they are worth."""
        stocks = [
            Filling(reward.account("prize", str(place)), f"{reward.key}:prize", prize.stock)
            for place, prize in enumerate(self.prizes)
        ]
        for what, name in (("packet", MONEY), ("points", POINTS)):
            worth = sum(each.stock * each.amount for each in self.prizes if each.what == what)
            if worth:
                stocks.append(Filling(reward.account(name), name, worth))
        return tuple(stocks)

    def accounts(self, reward: Reward, attempt: Attempt, now: datetime) -> tuple[str, ...]:
        """All stocks, what the prizes are paid from, the customer's accounts, the tickets."""
        owner = attempt.customer_key
        found = [filling.account for filling in self.fillings(reward)]
        found.append(reward.account("won"))
        for prize in self.prizes:
            found += account_of(Granted(prize.what, prize.amount, prize.rule), owner)
        if self.needs_ticket:
            found += [tickets_account(reward.key, owner), reward.account("tickets_used")]
        return tuple(found)

    def odds(self) -> tuple[Odds, ...]:
        """Return what is published of the prizes."""
        return tuple(Odds(each.name, each.stock, each.odds_ppm) for each in self.prizes)

    def play(self, reward: Reward, attempt: Attempt, claim_key: str, batch: Batch) -> Played:
        """Draw the next number."""
        left = batch.accounts[reward.left].available
        if left < 1:
            raise SoldOut(left=0)
        number = reward.terms.quantity - left + 1
        stocks = [
            batch.accounts[reward.account("prize", str(place))].available
            for place in range(len(self.prizes))
        ]
        won = result_of(reward.seed, reward.key, number, self.odds(), stocks)
        steps, openings = self._ticket(reward, attempt, claim_key, batch)
        if won is None:
            return Played(Granted("nothing", number=number), steps, openings)
        prize = self.prizes[won]
        granted = Granted(prize.what, prize.amount, prize.rule, prize.name, number)
        expires_at = reward.use_until(batch.now)
        given = grant(
            reward,
            attempt,
            granted,
            claim_key=claim_key,
            source=reward.account(MONEY if prize.what == "packet" else POINTS),
            expires_at=expires_at,
        )
        stock = Transfer(
            f"{claim_key}:prize",
            reward.account("prize", str(won)),
            reward.account("won"),
            1,
            reference=reward.key,
            customer_key=attempt.customer_key,
            campaign_key=reward.campaign_key,
        )
        return Played(
            granted,
            (*steps, stock, *given.steps),
            (*openings, Opening(reward.account("won"), f"{reward.key}:prize"), *given.openings),
            expires_at=expires_at,
        )

    def _ticket(
        self, reward: Reward, attempt: Attempt, claim_key: str, batch: Batch
    ) -> tuple[tuple[Transfer, ...], tuple[Opening, ...]]:
        if not self.needs_ticket:
            return (), ()
        held = tickets_account(reward.key, attempt.customer_key)
        if batch.spendable(held) < 1:
            raise NoTicket
        used = reward.account("tickets_used")
        step = Transfer(f"{claim_key}:ticket", held, used, 1, reference=reward.key)
        return (step,), (Opening(used, batch.accounts[held].unit),)

"""A reward, what it asks of who claims it, and what a claim gives."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal, Protocol
from uuid import UUID

import msgspec

from springtide.domain.ledger.batch import Batch
from springtide.domain.ledger.model import Opening, Transfer
from springtide.domain.rewards.states import ClaimState, RewardState
from springtide.kit.errors import N_, Refusal

NAME_LENGTH_MAX = 80
QUANTITY_MAX = 10**9


#: What is reserved when it is claimed, and taken when its order is paid: pieces, group places.
STOCK = ("flash", "group")
#: A claim's own transfers, its limits' and its group's: reserved together for what is stock.
CLAIM_STEPS = ("claim", "1", "2", "3", "cost", "group", "member")


def unit(title: str, name: str) -> msgspec.Meta:
    """Describe a parameter for forms and documents: its title, and what its number counts."""
    return msgspec.Meta(title=title, extra={"unit": name})


class Terms(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """How many there are, who may claim how often, when, at what cost, and how long it holds.

    ``weekdays`` (0 is Monday) are days in the shop's zone; none means every day. Limits are
    claims (pieces, where a reward has pieces); None is no limit.
    """

    quantity: Annotated[int, unit(N_("How many in all"), "pieces")] = 0
    per_customer: Annotated[int | None, unit(N_("Per customer"), "pieces")] = 1
    per_device: Annotated[int | None, unit(N_("Per device"), "pieces")] = None
    per_address: Annotated[int | None, unit(N_("Per address"), "pieces")] = None
    per_minute: Annotated[int | None, unit(N_("Per customer and minute"), "pieces")] = None
    cost_points: Annotated[int, unit(N_("Costs points"), "points")] = 0
    is_targeted: Annotated[bool, unit(N_("Only for invited customers"), "yes")] = False
    needs_code: Annotated[bool, unit(N_("Needs a code of its own"), "yes")] = False
    public_code: Annotated[str, unit(N_("Public code (one for everybody)"), "text")] = ""
    weekdays: Annotated[
        tuple[int, ...], unit(N_("Days of the week (none: every day)"), "weekdays")
    ] = ()
    use_days: Annotated[int | None, unit(N_("Days to use it"), "days")] = None
    tiers: Annotated[tuple[str, ...], unit(N_("Only for tiers (none: all)"), "tiers")] = ()


class Granted(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a claim gives: ``what`` it is, how much of it, the price rule it is spent by.

    ``amount`` counts minor units (packet; what a presale's deposit is worth), points, tickets of
    ``draw``, or pieces (flash stock); ``number`` is the place of a draw's entry in its published
    list, or the day of a streak. ``tier`` is the customer's, where it made the amount. ``group``
    is the claim that opened a group, ``usable_from`` when the balance of a presale begins.
    """

    what: str
    amount: int = 0
    rule: str | None = None
    name: str | None = None
    number: int | None = None
    product_key: str | None = None
    group: str | None = None
    deposit_minor: int = 0
    usable_from: datetime | None = None
    draw: str | None = None
    tier: str | None = None


#: A group is decided once: with enough who paid, or short of them.
GroupState = Literal["open", "done", "short"]


class Group(msgspec.Struct, frozen=True):
    """A group that buys together; ``key`` is the claim that opened it, ``reached`` who paid."""

    key: str
    reward_id: UUID
    opened_by: str
    product_key: str
    size: int
    state: GroupState
    opened_at: datetime
    ends_at: datetime
    reached: int | None = None

    @property
    def is_open(self) -> bool:
        """Whether it was not decided yet."""
        return self.state == "open"


class Done(msgspec.Struct, frozen=True):
    """How much of a daily task was done on a day of the shop."""

    day: date
    count: int


class Bought(msgspec.Struct, frozen=True):
    """An order that was paid: when it was placed, and the money of its products that are kept."""

    order_key: str
    placed_at: datetime
    money: Mapping[str, int]


class Attempt(msgspec.Struct, frozen=True):
    """One customer's try to claim; ``key`` is the caller's own, and ``asked`` what was asked.

    ``done`` and ``tier`` are looked up before, for rewards that ask for them. What ``is_given`` the
    shop gives by itself: nobody sits at a device and asks for it.
    """

    key: str
    reward_id: UUID
    customer_key: str
    asked: str
    visitor_key: str | None = None
    device: str | None = None
    address: str | None = None
    phrase: str | None = None
    code: str | None = None
    quantity: int = 1
    shared_by: str | None = None
    bought: Bought | None = None
    group: str | None = None
    joining: Group | None = None
    done: Done | None = None
    tier: str | None = None
    is_given: bool = False


class Claim(msgspec.Struct, frozen=True):
    """What a customer took: the answer to a claim, the same whenever its key comes again."""

    id: UUID
    key: str
    reward_id: UUID
    customer_key: str
    granted: Granted
    state: ClaimState
    claimed_at: datetime
    expires_at: datetime | None
    order_key: str | None = None
    replayed: bool = False


class Played(msgspec.Struct, frozen=True):
    """What a game gives for an attempt: its own steps in the ledger, beside the claim's."""

    granted: Granted
    steps: tuple[Transfer, ...] = ()
    openings: tuple[Opening, ...] = ()
    #: Flash stock is only reserved, until then.
    reserved_until: datetime | None = None
    expires_at: datetime | None = None
    opens_group: Group | None = None


class Filling(msgspec.Struct, frozen=True):
    """An account that is filled when a reward is published: from its source, so much."""

    account: str
    unit: str
    amount: int


class Reward(msgspec.Struct, frozen=True):
    """One reward or game of a shop; open in the half-open window while it is published."""

    id: UUID
    shop_id: UUID
    key: str
    campaign_id: UUID | None
    campaign_key: str | None
    kind: str
    name: str
    params: Mapping[str, Any]
    terms: Terms
    state: RewardState
    opens_at: datetime
    closes_at: datetime
    seed: str
    zone_name: str

    def account(self, *parts: str) -> str:
        """Return the key of one of its ledger accounts."""
        return ":".join((self.key, *parts))

    def use_until(self, now: datetime) -> datetime | None:
        """Return until when what is given now may be used; None: for ever."""
        days = self.terms.use_days
        return None if days is None else now + timedelta(days=days)

    @property
    def left(self) -> str:
        """The account of what may still be claimed."""
        return self.account("left")


class Game(Protocol):
    """A kind of reward: a frozen struct of parameters, and what it gives for an attempt.

    ``play`` is pure: it reads the batch, and what is random follows from the reward's seed and
    the claim's number. It raises a Refusal when there is nothing to give.
    """

    kind: str
    title: str
    about: str
    #: How long after its end what is left may still be needed.
    lasts: timedelta
    #: Whether one claim may take several: pieces of stock.
    in_pieces: bool
    #: Whether a customer usually claims it again and again.
    repeats: bool

    def problems(self, terms: Terms) -> dict[str, Refusal]:
        """Return what is wrong with its parameters, by field."""
        ...

    def fillings(self, reward: Reward) -> tuple[Filling, ...]:
        """Return the accounts that it fills beside what may be claimed."""
        ...

    def accounts(self, reward: Reward, attempt: Attempt, now: datetime) -> tuple[str, ...]:
        """Return the ledger accounts that an attempt reads or moves, beside the claim's own."""
        ...

    def play(self, reward: Reward, attempt: Attempt, claim_key: str, batch: Batch) -> Played:
        """Return what an attempt gives."""
        ...


class NotClaimable(Refusal):
    """A claim of what comes by itself, to those who earn it."""

    code = "reward_not_claimable"
    status = 409
    text = N_("This comes by itself to those who earn it.")


class NothingEarned(Refusal):
    """An order that earns nothing."""

    code = "reward_nothing_earned"
    status = 409
    text = N_("This order earns nothing here.")


class SoldOut(Refusal):
    """All is claimed."""

    code = "reward_sold_out"
    status = 409
    text = N_("All gone.")


class NotOpen(Refusal):
    """A claim before the opening."""

    code = "reward_not_open"
    status = 409
    text = N_("This opens at {opens_at}.")


class Closed(Refusal):
    """A claim after the end, or of what was stopped."""

    code = "reward_closed"
    status = 409
    text = N_("This is over.")


class NotToday(Refusal):
    """A claim on a day of the week on which there is none."""

    code = "reward_not_today"
    status = 409
    text = N_("This is open on other days of the week.")


class CustomerLimit(Refusal):
    """A customer who has had their share."""

    code = "reward_customer_limit"
    status = 409
    text = N_("You have had yours: at most {limit} for each customer.")


class DeviceLimit(Refusal):
    """A device that has had its share."""

    code = "reward_device_limit"
    status = 409
    text = N_("This device has had its share: at most {limit}.")


class AddressLimit(Refusal):
    """An address that has had its share."""

    code = "reward_address_limit"
    status = 409
    text = N_("This address has had its share: at most {limit}.")


class TooFast(Refusal):
    """More claims in a minute than anybody may."""

    code = "reward_too_fast"
    status = 429
    text = N_("Too fast: at most {limit} a minute.")


class NotInvited(Refusal):
    """A reward that is for others."""

    code = "reward_not_invited"
    status = 403
    text = N_("This is for invited customers.")


class NotForTier(Refusal):
    """A privilege of other tiers."""

    code = "reward_not_for_tier"
    status = 403
    text = N_("This is a privilege of other customer tiers: {tiers}.")


class NotInPieces(Refusal):
    """Several at once of what is claimed one by one."""

    code = "reward_not_in_pieces"
    status = 409
    text = N_("This is claimed one by one.")


class TooFewPoints(Refusal):
    """A reward that costs more points than there are."""

    code = "reward_too_few_points"
    status = 409
    text = N_("This costs {points} points.")


class UnknownReward(Refusal):
    """No reward of this key in this shop."""

    code = "reward_unknown"
    status = 404
    text = N_("There is no reward {key}.")


class RewardFrozen(Refusal):
    """A change of what is published."""

    code = "reward_frozen"
    status = 409
    text = N_("What is published stays as it is; stop it and make a new one.")

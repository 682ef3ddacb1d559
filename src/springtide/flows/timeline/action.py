"""What a phase action is, and the house it finds around it while it runs.

An action is one class in ``flows/actions/`` (or in a package that was included, or in an installed
package's entry point). Its effects go through ``Context.step``: the effect and the note that it
happened are one transaction, so a killed worker that starts again finds what is done and does
the rest.
"""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, ClassVar, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import Connection

from springtide.domain.access.model import Actor, Shop
from springtide.domain.facts.lake import Lake
from springtide.domain.facts.reader import FactReader
from springtide.flows.timeline.model import Trouble
from springtide.kit.db import Database
from springtide.kit.errors import NeedsPersonError
from springtide.kit.registry import Registry
from springtide.settings import Settings

T = TypeVar("T")


class Interrupted(BaseException):
    """The worker stops: what runs is left as it is, and goes on at the next start.

    Not an Exception, so that neither an action nor the engine takes it for a failure.
    """


class Surroundings(Protocol):
    """What the flows need of the house; bootstrap's House has it."""

    @property
    def db(self) -> Database:
        """The state database."""

    @property
    def settings(self) -> Settings:
        """Where things lie."""

    @property
    def lake(self) -> Lake:
        """The sealed facts."""

    @property
    def facts(self) -> FactReader:
        """The reader of facts."""

    def real_now(self) -> datetime:
        """Return the real instant."""

    def now(self, shop: Shop) -> datetime:
        """Return the shop's time."""


class Context(Protocol):
    """What an action finds around it while it runs."""

    house: Surroundings
    shop: Shop
    actor: Actor

    @property
    def action_id(self) -> UUID:
        """The action's id."""

    @property
    def campaign_id(self) -> UUID | None:
        """The campaign that the action belongs to."""

    @property
    def params(self) -> Any:
        """The parameters, in the kind's own type; for undo, which gets the receipt only."""

    @property
    def now(self) -> datetime:
        """The shop's time at this moment."""

    def step(self, name: str, work: Callable[[Connection], T]) -> T:
        """Run ``work`` in one transaction, once for this action, direction and name.

        When the step was done before, also by a worker that was killed since, its kept result
        (JSON) is returned and nothing runs. Raises ``Stopped`` when the action is to stop.
        """

    def kept(self, name: str) -> Any:
        """Return the kept result of a step that was done before, else None."""

    def checkpoint(self) -> None:
        """Go on, before an effect outside the database, only while the action is to go on.

        Raises ``Stopped`` when it is to stop, ``Interrupted`` when the worker stops.
        """

    @property
    def turn(self) -> str:
        """The name of this taking up of the action: who takes it over has another."""

    def hold(self, tx: Connection) -> object:
        """Keep the action till the transaction ends; raises where another worker has it."""

    def report(self, done: int, total: int, text: str = "") -> None:
        """Keep how far the action is, for the pages."""

    def pause(self, seconds: float) -> None:
        """Wait in real time; raises ``Interrupted`` when the worker stops meanwhile."""

    def settle_other(self, action_id: UUID) -> None:
        """Let another action of the campaign, told to stop, write down what it had done."""

    def undo_other(self, action_id: UUID) -> Trouble | None:
        """Undo another action of the campaign as part of this one; return what went wrong."""


class NoCampaign(NeedsPersonError):
    """An action that only makes sense within a campaign."""


def campaign_of(context: Context) -> UUID:
    """Return the id of the campaign that an action belongs to."""
    if context.campaign_id is None:
        raise NoCampaign("no campaign")
    return context.campaign_id


class PhaseAction(Protocol):
    """Something the system does at a time, and can undo.

    ``do`` returns a receipt (JSON) from which ``undo`` puts everything back. Both may run again
    after a crash: whatever they change belongs into ``context.step``. When an action of several
    steps was stopped half way, ``undo`` gets None as the receipt. ``is_long`` actions run beside
    the others; all else of a campaign runs one after the other, in due order. What an
    ``is_outward`` one did has left the house (letters): after a restore it waits for a person.

    ``after`` names the kinds that must hold first in the same campaign. ``opens`` names what it
    helps to open: the kind of action that waits for it, or a phase (``PhaseKind``) itself.
    Scheduling a campaign plans whatever opens one of its phases, for that phase's first instant;
    "" is planned otherwise. See flows/timeline/holding.py.
    """

    kind: ClassVar[str]
    label: ClassVar[str]
    params: ClassVar[type]
    is_long: ClassVar[bool]
    is_outward: ClassVar[bool]
    after: ClassVar[tuple[str, ...]]
    opens: ClassVar[str]

    def check(self, context: Context, params: Any) -> None:
        """Refuse what cannot be done, before anything is changed."""

    def do(self, context: Context, params: Any) -> Any:
        """Carry it out and return the receipt."""

    def undo(self, context: Context, receipt: Any) -> None:
        """Put back what still holds."""


class Kinds(Mapping[str, type[PhaseAction]]):
    """The kinds of actions of all included packages."""

    def __init__(self) -> None:
        self._registries: dict[str, Registry[PhaseAction]] = {}
        self.include("springtide.flows.actions")

    def include(self, package: str) -> None:
        """Take in the actions of one more package, such as the demo's."""
        if package not in self._registries:
            self._registries[package] = Registry(
                "action",
                package,
                PhaseAction,  # type: ignore[type-abstract]
            )

    def leave_out(self, package: str) -> None:
        """Take the actions of a package that was included out again."""
        self._registries.pop(package, None)

    def __getitem__(self, kind: str) -> type[PhaseAction]:
        for registry in self._registries.values():
            if kind in registry:
                return registry[kind]
        raise KeyError(kind)

    def __iter__(self) -> Iterator[str]:
        return iter(sorted({kind for found in self._registries.values() for kind in found}))

    def __len__(self) -> int:
        return len(list(iter(self)))


#: Every kind of action this process knows.
KINDS = Kinds()

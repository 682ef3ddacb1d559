"""The plan of a big sale in the manner of Double 11: phases and tasks to start from.

Times are in days from the sale day (D). Texts are stored in the language of whoever plans.
"""

from datetime import time

from springtide.domain.access.model import Role
from springtide.domain.campaigns.model import (
    PHASE_TITLES,
    NewTask,
    Phase,
    PhaseKind,
)
from springtide.kit.errors import N_
from springtide.kit.i18n import translate
from springtide.kit.time import RelativeTime


def _at(day_offset: int, hour: int = 0, minute: int = 0) -> RelativeTime:
    return RelativeTime(day_offset, time(hour, minute))


_PHASES = (
    (PhaseKind.WARM_UP, _at(-7, 10), _at(0)),
    (PhaseKind.BURST, _at(0), _at(0, 2)),
    (PhaseKind.DAY, _at(0, 2), _at(1)),
    (PhaseKind.AFTER, _at(1), _at(8)),
)

_TASKS = (
    NewTask(
        N_("Set goals and budget"),
        Role.OWNER,
        _at(-21, 18),
        (
            N_("Compare with the last sale of this size"),
            N_("Agree on paid money, buyers and units"),
            N_("Fix the discount budget"),
        ),
    ),
    NewTask(
        N_("Choose heroes and their prices"),
        Role.OPERATIONS,
        _at(-14, 18),
        (
            N_("Pick products with stock for three times a usual week"),
            N_("Set campaign prices above the floor"),
            N_("Check the lowest price of the last 30 days"),
        ),
    ),
    NewTask(
        N_("Check the threshold ladder with sample carts"),
        Role.OPERATIONS,
        _at(-10, 18),
        (
            N_("The first step lies just above the usual order"),
            N_("No sample cart goes below a floor"),
        ),
    ),
    NewTask(
        N_("Make banners and product pages"),
        Role.DESIGN,
        _at(-9, 18),
        (
            N_("Warm-up banner"),
            N_("Sale-day banner"),
            N_("Hero pages with price and rule text"),
            N_("Check at phone width"),
        ),
    ),
    NewTask(
        N_("Write to the customers who come back"),
        Role.OPERATIONS,
        _at(-6, 12),
        (
            N_("Choose the segment"),
            N_("Keep a control group"),
            N_("Send a test to the team"),
        ),
    ),
    NewTask(
        N_("Count stock and pack heroes ahead"),
        Role.WAREHOUSE,
        _at(-3, 18),
        (
            N_("Count the heroes"),
            N_("Pack the usual pairs"),
            N_("Book the carrier's extra pick-ups"),
        ),
    ),
    NewTask(
        N_("Prepare answers and shifts"),
        Role.CUSTOMER_SERVICE,
        _at(-2, 18),
        (
            N_("Short answers on prices, ladder and delivery"),
            N_("Night shift for the burst"),
            N_("List of who may grant exceptions"),
        ),
    ),
    NewTask(
        N_("Last check before the burst"),
        Role.OPERATIONS,
        _at(-1, 20),
        (
            N_("Prices and rules are scheduled"),
            N_("The worker is running"),
            N_("Everyone knows whom to call"),
        ),
    ),
    NewTask(
        N_("Call buyers back and hold the review"),
        Role.OWNER,
        _at(3, 18),
        (
            N_("Read the review page together"),
            N_("Write down what the next plan changes"),
        ),
    ),
)


def phases(*, language: str) -> tuple[Phase, ...]:
    """Return the four phases, named in a language."""
    return tuple(
        Phase(kind, translate(PHASE_TITLES[kind], language), starts, ends)
        for kind, starts, ends in _PHASES
    )


def tasks(*, language: str) -> tuple[NewTask, ...]:
    """Return the tasks by role with deadlines and checklists, in a language."""
    return tuple(
        NewTask(
            translate(task.title, language),
            task.role,
            task.due,
            tuple(translate(line, language) for line in task.checklist),
        )
        for task in _TASKS
    )

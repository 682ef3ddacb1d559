"""The picture of a campaign's timeline: four phases, what is planned on them, where now is.

Phases differ from hours to weeks, so each has its share of the width and time runs evenly only
within a phase. Positions are percent of the whole width.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from springtide.domain.campaigns.model import Campaign, Phase, PhaseKind, written
from springtide.flows.timeline.model import Action, State
from springtide.kit.time import Window

#: Percent of the picture's width for each phase.
_WIDTHS = {PhaseKind.WARM_UP: 34, PhaseKind.BURST: 16, PhaseKind.DAY: 26, PhaseKind.AFTER: 24}
_GAP = 0.4
_TROUBLED = (State.FAILED, State.NEEDS_PERSON)


@dataclass(frozen=True, slots=True)
class Bar:
    """One phase in the picture; ``state`` is done, now or next."""

    phase: Phase
    window: Window
    left: float
    width: float
    done: float
    state: str
    starts: str

    @property
    def middle(self) -> float:
        """Where the phase's name stands."""
        return round(self.left + self.width / 2, 2)


@dataclass(frozen=True, slots=True)
class Mark:
    """One action at its place."""

    left: float
    action: Action


@dataclass(frozen=True, slots=True)
class Picture:
    """All that is drawn; ``now`` is None outside the timeline."""

    bars: tuple[Bar, ...]
    marks: tuple[Mark, ...]
    now: float | None


def draw(campaign: Campaign, actions: Sequence[Action], now: datetime) -> Picture:
    """Lay out a campaign's timeline at an instant."""
    bars, left = [], 0.0
    for phase in campaign.phases:
        window = campaign.window(phase.kind)
        width = _WIDTHS[phase.kind]
        done = _share(window, now) * (width - _GAP)
        state = "now" if now in window else "done" if now >= window.ends_at else "next"
        starts = written(phase.starts).removesuffix(" 00:00")
        bars.append(Bar(phase, window, left, width - _GAP, round(done, 2), state, starts))
        left += width
    inside = now in campaign.whole
    # Of those at one instant the one that needs somebody is drawn last, and so is seen.
    ordered = sorted(actions, key=lambda action: action.state in _TROUBLED)
    marks = [Mark(_place(bars, action.due_at), action) for action in ordered]
    return Picture(tuple(bars), tuple(marks), _place(bars, now) if inside else None)


def _place(bars: Sequence[Bar], instant: datetime) -> float:
    """Return the percent at which an instant lies; before all at 0, between phases at a seam."""
    place = 0.0
    for bar in bars:
        if instant < bar.window.starts_at:
            break
        place = bar.left + bar.width * _share(bar.window, instant)
    return round(place, 2)


def _share(window: Window, instant: datetime) -> float:
    whole = (window.ends_at - window.starts_at).total_seconds()
    passed = (instant - window.starts_at).total_seconds()
    return min(1.0, max(0.0, passed / whole))

"""Run the demo's sale day, as the board's button asks for."""

from typing import Any, ClassVar

import msgspec

from springtide.demo.replay import SPEED, Replay, client_for, refuse_unready
from springtide.flows.timeline.action import Context
from springtide.kit.errors import N_


class DemoDayParams(msgspec.Struct):
    """Which campaign; at which speed."""

    campaign: str = ""
    speed: float = SPEED


class DemoDay:
    """Replays the real day through the API; what was sent before a crash is not sent twice."""

    kind: ClassVar[str] = "demo_day"
    label: ClassVar[str] = N_("Run the demo's sale day")
    params: ClassVar[type] = DemoDayParams
    is_long: ClassVar[bool] = True
    is_outward: ClassVar[bool] = False
    after: ClassVar[tuple[str, ...]] = ()
    opens: ClassVar[str] = ""

    def check(self, context: Context, params: DemoDayParams) -> None:
        """Refuse without a server to send the orders to."""
        refuse_unready(context.house, context.house.settings.public_url)

    def do(self, context: Context, params: DemoDayParams) -> Any:
        """Run the day; the receipt is its closing figures."""
        with client_for(context.house, context.house.settings.public_url) as client:
            closing = Replay(context.house, _Follower(context), client, params.speed).run()
        return msgspec.to_builtins(closing)

    def undo(self, context: Context, receipt: Any) -> None:
        """Nothing: what happened, happened."""


class _Follower:
    """Passes progress and waiting on to the worker."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._percent = -1

    def report(self, stage: str, done: int, total: int) -> None:
        """Keep whole percents only; warm-up is the first tenth."""
        part = done * 100 // max(total, 1)
        percent = part // 10 if stage == "warm-up" else 10 + part * 9 // 10
        if percent != self._percent:
            self._percent = percent
            self._context.checkpoint()
            self._context.report(percent, 100)

    def wait(self, seconds: float) -> None:
        """Wait; interrupted when the worker stops."""
        self._context.pause(seconds)

"""Hang up the banner of the sale, which may be refused as prices may."""

from typing import Any, ClassVar

import msgspec
from sqlalchemy import text

from springtide.flows.timeline.action import Context
from springtide.kit.errors import N_, NeedsPersonError


class HangBannerParams(msgspec.Struct):
    """Nothing to choose."""


class HangBanner:
    """Hangs after the prices are set, and the sale does not open without it."""

    kind: ClassVar[str] = "hang_banner"
    label: ClassVar[str] = N_("Hang the banner")
    params: ClassVar[type] = HangBannerParams
    is_long: ClassVar[bool] = False
    is_outward: ClassVar[bool] = False
    after: ClassVar[tuple[str, ...]] = ("set_prices",)
    opens: ClassVar[str] = "open_sale"

    def check(self, context: Context, params: HangBannerParams) -> None:
        """Refuse while there is no ladder to climb."""
        with context.house.db.read() as tx:
            if not tx.execute(text("select count(*) from ladders")).scalar_one():
                raise NeedsPersonError("no ladder")

    def do(self, context: Context, params: HangBannerParams) -> Any:
        return context.step("hang", lambda _tx: {"hangs": True})

    def undo(self, context: Context, receipt: Any) -> None:
        context.step("take down", lambda _tx: None)

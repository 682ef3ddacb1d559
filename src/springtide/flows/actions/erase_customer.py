"""Erase a customer: the key leaves state, lake and files; sums stay as they are."""

from typing import Any, ClassVar

import msgspec

from springtide.flows.people.erasure import KIND, erase
from springtide.flows.timeline.action import Context
from springtide.kit.errors import N_
from springtide.kit.ids import inward


class EraseCustomerParams(msgspec.Struct):
    """The erasure (``ers_…``): whom it is of is known to it alone, and only till it is done."""

    erasure: str


class EraseCustomer:
    """Carries an erasure out; whatever is done already is found done."""

    kind: ClassVar[str] = KIND
    label: ClassVar[str] = N_("Erase a customer")
    params: ClassVar[type] = EraseCustomerParams
    is_long: ClassVar[bool] = True
    is_outward: ClassVar[bool] = False
    after: ClassVar[tuple[str, ...]] = ()
    opens: ClassVar[str] = ""

    def check(self, context: Context, params: EraseCustomerParams) -> None:
        """Nothing can be wrong: the customer was found when it was asked for."""

    def do(self, context: Context, params: EraseCustomerParams) -> Any:
        """Erase, part by part; a kill in between leaves parts that are whole."""
        erase(
            context.house,
            context.shop,
            erasure_id=inward("ers", params.erasure),
            checkpoint=context.checkpoint,
        )
        return context.step("receipt", lambda _tx: {"erasure": params.erasure})

    def undo(self, context: Context, receipt: Any) -> None:
        """What is erased is gone."""

"""What is made up may only go into a demo shop."""

from collections.abc import Mapping

from springtide.domain.access.model import Shop
from springtide.kit.errors import N_, Invalid, Refusal


class OnlyInDemo(Refusal):
    """Something made up for a shop that is not a demo."""

    code = "only_in_demo"
    text = N_("Only a demo shop takes what is simulated.")


def refuse_outside_demo(shop: Shop, flags: Mapping[str, bool]) -> None:
    """Refuse (Invalid) every raised flag, by field, unless the shop is a demo."""
    raised = [name for name, flag in flags.items() if flag]
    if raised and not shop.is_demo:
        raise Invalid({name: OnlyInDemo() for name in raised})

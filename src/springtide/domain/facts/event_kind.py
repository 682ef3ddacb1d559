"""What can happen: the kinds of facts, each with what a shop may do with it."""

from typing import ClassVar


class EventKind:
    """A kind of fact; a subclass in a module of ``kinds`` says what is special about it.

    ``kind`` is what the facts hold, ``label`` the name of one of them and ``plural`` of many.
    """

    kind: ClassVar[str]
    label: ClassVar[str]
    plural: ClassVar[str]
    #: Where it stands in lists that people choose from: what most files tell comes first.
    place: ClassVar[int] = 100
    #: Whether a shop's site tells it as it happens (``POST /v1/events``), for a visitor.
    is_sent: ClassVar[bool] = False
    #: What a row of a shop's own table is called where it may be one of these.
    row: ClassVar[str] = ""
    #: What files call it beside its kind; lower case.
    words: ClassVar[tuple[str, ...]] = ()
    #: What counts for a daily task, in the words of its form: distinct products of one day.
    task: ClassVar[str] = ""
    #: For whom a reward may be: customers who did it within some days.
    who: ClassVar[str] = ""
    #: Whether it comes of what the shop sent a customer: no part of what they did in the shop.
    is_ours: ClassVar[bool] = False

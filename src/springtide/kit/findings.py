"""What an inspection finds: a sentence and the way out, for a person and a program."""

from collections.abc import Callable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it must be; ``code`` never changes."""

    area: str
    code: str
    text: str
    way_out: str

    def to_json(self) -> dict[str, str]:
        """Return the document that programs read."""
        return asdict(self)


#: Told an inspection's stage, and how far it is: done and total, 0 where that is not known.
Watch = Callable[[str, int, int], None]


def unwatched(_stage: str, _done: int, _total: int) -> None:
    """Take no note of how far an inspection is."""

"""Everything has its turn: what fails is told at the end, and stops nobody else."""

from collections.abc import Callable, Iterable


def all_in_turn(what: str, calls: Iterable[Callable[[], int]]) -> int:
    """Make every call and return the sum of their answers.

    Raises one ExceptionGroup with all that failed, once the others had their turn.
    """
    count = 0
    failed: list[Exception] = []
    for call in calls:
        try:
            count += call()
        except Exception as error:
            failed.append(error)
    if failed:
        raise ExceptionGroup(what, failed)
    return count

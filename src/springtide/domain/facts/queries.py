"""Questions to facts that several rooms share; others ask their own through ``FactReader``."""

from sqlalchemy import Connection, func, select

from springtide.domain.facts import store
from springtide.kit.errors import N_, Refusal


class BadQuery(Refusal):
    """A question that the engine does not understand."""

    code = "bad_query"
    text = N_("The question cannot be answered: {why}")


def tail_size(tx: Connection) -> int:
    """Return how many facts wait in the tail to be sealed."""
    return int(tx.execute(select(func.count()).select_from(store.tail)).scalar_one())

"""What the board needs from outside: rows of facts."""

from collections.abc import Hashable
from datetime import datetime
from typing import Any, Protocol

from sqlglot import exp

from springtide.domain.facts.model import Given


class FactRows(Protocol):
    """Answers questions to the relation ``facts``; the facts room's reader is one."""

    def rows(
        self,
        query: str | exp.Expression,
        params: Any = ...,
        *,
        before: datetime | None = ...,
        given: Given | None = ...,
    ) -> list[tuple[Any, ...]]:
        """Return the rows of a query in DuckDB's dialect over ``facts``.

        ``before`` promises that the query reads only facts that occurred earlier; ``given`` is a
        relation that it uses too.
        """
        ...

    def version(self) -> Hashable:
        """Return what changes whenever the facts change."""
        ...

"""Prices and sales of products that were watched day by day, whosever they are: measures."""

from typing import ClassVar

from springtide.connectors.tabular.mapping import header_row
from springtide.connectors.tabular.measures import MeasureTable
from springtide.domain.imports.ports import Head, Reading, ReadOptions, Stage
from springtide.kit.errors import N_

_COLUMNS = {"update_time", "id", "title", "price", "sale_count", "店名"}


class PriceWatch:
    """Watched prices and sales."""

    kind: ClassVar[str] = "price_watch"
    label: ClassVar[str] = N_("Watched prices")
    needs: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def recognise(head: Head) -> int:
        """Return 85 for the columns of a watch."""
        return 85 if head.row_with(_COLUMNS) is not None else 0

    @staticmethod
    def read(head: Head, stage: Stage, options: ReadOptions) -> Reading:
        """Stage the products and say how they are read."""
        loaded = stage.load(head, header_row(head, _COLUMNS))
        return MeasureTable(
            source="price_watch",
            section="watched",
            columns={name.strip(): column for name, column in loaded.items()},
            # Not the shop's own products: they stay out of its catalog.
            words={"day": "update_time", "about": ("店名", "id")},
            options=options,
            head=head,
            stage=stage,
            texts=frozenset({"title"}),
            units={"price": "money", "sale_count": "count", "comment_count": "count"},
        ).reading()

"""A format."""

from typing import ClassVar

from springtide.connectors.tabular import values
from springtide.connectors.tabular.mapping import header_row
from springtide.domain.imports.ports import Emit, Head, Reading, ReadOptions, Stage

_COLUMNS = {"wish number", "wished at", "wisher", "wanted"}


class WishList:
    """A list of wishes."""

    kind: ClassVar[str] = "wish_list"
    label: ClassVar[str] = "Wish list"
    needs: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def recognise(head: Head) -> int:
        """Return 95 for the columns of a wish list."""
        return 95 if head.row_with(_COLUMNS) is not None else 0

    @staticmethod
    def read(head: Head, stage: Stage, options: ReadOptions) -> Reading:
        """Stage the wishes and say how they are read."""
        loaded = stage.load(head, header_row(head, _COLUMNS))
        texts = {"number": "wish number", "wisher": "wisher", "wanted": "wanted"}
        found = {word: values.text(*loaded[name]) for word, name in texts.items()}
        found |= values.instants("moment", loaded["wished at"], zone=options.zone)
        wish = Emit(
            {
                "kind": "'wish'",
                "external_id": "'wish:' || number",
                "occurred_at": "moment",
                "customer_key": "wisher",
                "product_key": "wanted",
            },
            "true",
        )
        return Reading("wishes", found, (), (wish,), labels=texts)

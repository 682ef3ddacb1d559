"""The columns of the table ``staged`` in SQL."""

from collections.abc import Mapping

from springtide.kit.sql import quoted


def staged_names(count: int) -> list[str]:
    """Return the names of the staged columns.

    >>> staged_names(2)
    ['c1', 'c2']
    """
    return [f"c{number}" for number in range(1, count + 1)]


def csv_columns(types: Mapping[str, str]) -> str:
    """Return columns and their types as ``read_csv`` takes them."""
    return "{" + ", ".join(f"{quoted(name)}: '{type_}'" for name, type_ in types.items()) + "}"

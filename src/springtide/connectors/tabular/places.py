"""Names and places as SQL takes them."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def quoted(text: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """Return a name as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


@contextmanager
def plainly_named(path: Path, folder: Path | None = None) -> Iterator[str]:
    """Give a file another place for DuckDB, which takes a name such as ``a[1]`` for a pattern."""
    with tempfile.TemporaryDirectory(prefix="springtide-", dir=folder) as place:
        link = Path(place) / f"table{path.suffix if path.suffix == '.parquet' else '.csv'}"
        link.symlink_to(path.resolve())
        yield str(link)

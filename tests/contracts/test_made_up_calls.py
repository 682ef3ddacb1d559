"""The published API keeps its word: Schemathesis calls every operation with made-up input."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from schemathesis.checks import CHECKS

from springtide.kit.db import Database
from springtide.site import create_app
from tests.kit.calls import PUBLISHABLE, SECRET, made_up_shop, try_calls
from tests.kit.house import TestHouse

#: Made-up inputs of each operation, beside the edges of its bounds; `make bench ONLY=calls` tries
#: many more, on both databases.
EXAMPLES = 2
#: A run ends by then, on a machine that is busy too.
SECONDS = 60
CHECKS_LEAST = 14


@pytest.fixture
def shop(sqlite_template: Path, tmp_path: Path) -> Iterator[tuple[TestHouse, dict[str, str]]]:
    path = tmp_path / "state.db"
    path.write_bytes(sqlite_template.read_bytes())
    house, keys = made_up_shop(tmp_path / "data", Database(f"sqlite:///{path}"))
    yield house, keys
    house.close()


@pytest.mark.parametrize("kind", [SECRET, PUBLISHABLE])
def test_every_operation_keeps_to_its_description(
    shop: tuple[TestHouse, dict[str, str]], kind: str
) -> None:
    house, keys = shop
    tried = try_calls(create_app(house), keys[kind], examples=EXAMPLES, seconds=SECONDS)
    assert tried.broken == {}, "\n\n".join(f"{name}: {why}" for name, why in tried.broken.items())
    assert tried.calls["coverage"] > 100
    assert sum(tried.calls.values()) > 150
    assert {"takes_what_it_describes", "ignored_auth", "not_a_server_error"} <= tried.checks
    assert len(CHECKS.get_all()) >= CHECKS_LEAST

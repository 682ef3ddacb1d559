"""The published API keeps its word: Schemathesis calls every operation with made-up input."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from springtide.domain.access.model import Scope
from springtide.kit.db import Database
from springtide.site import create_app
from tests.kit.house import TestHouse, key_in, settings_in, shop_in

EXAMPLES = 8
#: Wrong keys are tried route by route in tests/house/test_routes.py; and input of the right form
#: may still be refused: a product that the catalog does not hold, a cursor of another list.
NOT_ASKED = [ignored_auth, positive_data_acceptance]


@pytest.fixture(scope="module")
def api(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The schema as the app publishes it, and the header of a key that may do everything."""
    folder = tmp_path_factory.mktemp("openapi")
    path = folder / "state.db"
    path.write_bytes(sqlite_template.read_bytes())
    url = f"sqlite:///{path}"
    house = TestHouse(settings_in(folder / "data", url, api_rate_per_second=100_000), Database(url))
    token = key_in(house, shop_in(house), *Scope)
    schema = schemathesis.openapi.from_asgi("/v1/openapi.json", create_app(house))
    schema.config.update(headers={"authorization": f"Bearer {token}"})
    yield schema
    house.close()


def test_every_operation_keeps_to_its_description(api: Any) -> None:
    broken = {}
    for result in api.get_all_operations():
        operation = result.ok()
        for mode in GenerationMode:

            @settings(
                max_examples=EXAMPLES,
                deadline=None,
                phases=[Phase.explicit, Phase.generate],
                suppress_health_check=list(HealthCheck),
                derandomize=True,
                database=None,
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def keeps(case: Case[Any]) -> None:
                case.call_and_validate(excluded_checks=NOT_ASKED)

            try:
                keeps()
            except Unsatisfiable:
                # Nothing can be wrong with an operation that takes no input.
                continue
            except (Exception, BaseExceptionGroup) as failure:
                broken[f"{operation.label} with {mode.value} input"] = str(failure)[:2000]
    assert broken == {}, "\n\n".join(f"{name}: {why}" for name, why in broken.items())

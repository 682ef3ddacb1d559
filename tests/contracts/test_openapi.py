"""The published API keeps its word: Schemathesis calls every operation with made-up input."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case

from springtide.domain.access.model import Scope
from springtide.kit.db import Database
from springtide.site import create_app
from tests.kit.house import TestHouse, key_in, settings_in, shop_in

EXAMPLES = 12


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


lazy = schemathesis.pytest.from_fixture("api")


@lazy.parametrize()
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
    derandomize=True,
)
def test_an_operation_keeps_to_its_description(case: Case) -> None:
    case.call_and_validate()


def test_the_description_covers_v1_alone(client: Any) -> None:
    document = client.get("/v1/openapi.json").json()
    assert document["openapi"].startswith("3.1")
    assert document["paths"]
    assert all(path.startswith("/v1/") for path in document["paths"])


def test_every_operation_tells_its_key_its_scope_and_its_problems(client: Any) -> None:
    document = client.get("/v1/openapi.json").json()
    assert document["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            place = f"{method} {path}"
            assert operation["security"] == [{"key": []}], place
            assert "scope `" in operation["description"], place
            problem = operation["responses"]["default"]["content"]["application/problem+json"]
            assert problem["schema"]["$ref"].endswith("/Problem"), place
            if method == "post":
                names = [parameter["name"] for parameter in operation["parameters"]]
                assert names.count("Idempotency-Key") == 1, place

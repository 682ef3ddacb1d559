"""Made-up calls of the published API, by Schemathesis: all its checks, in all its phases.

Its phases are examples, the edges of every bound, made-up input, and one call after the other.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import schemathesis
from schemathesis import Case, CheckContext, Response
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema

from springtide.domain.access.model import Scope
from springtide.kit.db import Database
from tests.kit.house import TestHouse, key_in, settings_in, shop_in
from tests.kit.storefront import open_sale, stock_shelves

_WRITTEN_WITH_A_POINT = re.compile(r"Expected `int( \| null)?`, got `float`")
SECRET, PUBLISHABLE = "secret", "publishable"
BROWSER = (Scope.EVENTS_WRITE, Scope.QUOTES_WRITE, Scope.CLAIMS_WRITE)
#: Of the right form, and refused all the same: a product that the catalog does not hold, a cursor
#: of another list. ``takes_what_it_describes`` looks at which of them it is.
MAY_ANSWER = ["2xx", "400", "401", "403", "404", "409", "422", "429"]


@schemathesis.check
def takes_what_it_describes(_ctx: CheckContext, response: Response, case: Case[Any]) -> None:
    """Fail where input of the described form is refused for its form."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if response.status_code not in (400, 413, 415, 422):
        return
    problem = response.json()
    told = [each for each in problem.get("fields", []) if each["code"] == "bad_field"]
    # To JSON Schema 2.0 is an integer; a body that means a whole number writes none.
    wrong = [each for each in told if not _WRITTEN_WITH_A_POINT.fullmatch(each["detail"])]
    if wrong or (not told and problem["code"] in ("body_unreadable", "media_unknown", "bad_field")):
        raise AssertionError(f"of the described form, and refused for it: {problem}")


@dataclass
class Tried:
    """What a run did: calls of each phase, checks that ran, and what was broken."""

    calls: dict[str, int] = field(default_factory=dict)
    checks: set[str] = field(default_factory=set)
    broken: dict[str, str] = field(default_factory=dict)


def try_calls(app: Any, token: str, *, examples: int, seconds: int) -> Tried:
    """Call every operation of an app with made-up input for a time, as the holder of a key."""
    config = SchemathesisConfig.from_dict(
        {
            "max-time": seconds,
            "auth": {"openapi": {"key": {"bearer": token}}},
            "checks": {"positive_data_acceptance": {"expected-statuses": MAY_ANSWER}},
            # Any head may have fields that nobody described.
            "generation": {
                "max-examples": examples, "allow-extra-parameters": False, "deterministic": True,
            },
        }
    )  # fmt: skip
    schema = schemathesis.openapi.from_asgi("/v1/openapi.json", app, config=config)
    tried = Tried()
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            phase = event.phase.value
            tried.calls[phase] = tried.calls.get(phase, 0) + len(event.recorder.interactions)
            for case_id, checks in event.recorder.checks.items():
                for check in checks:
                    tried.checks.add(check.name)
                    if check.failure_info is not None:
                        name = f"{check.name} of {event.recorder.label}"
                        tried.broken.setdefault(name, _told(event.recorder, case_id, check))
        elif isinstance(event, events.NonFatalError | events.FatalError):
            tried.broken[f"{type(event).__name__} {len(tried.broken)}"] = str(vars(event))[:2000]
    return tried


def _told(recorder: Any, case_id: str, check: Any) -> str:
    call = recorder.interactions.get(case_id)
    answer = call.response if call else None
    parts = [str(check.failure_info.failure)]
    if call is not None:
        parts += [f"{call.request.method} {call.request.uri}", str(call.request.body)]
    if answer is not None:
        parts += [str(answer.status_code), str(answer.content)]
    return "\n".join(part[:600] for part in parts)


def made_up_shop(folder: Path, database: Database) -> tuple[TestHouse, dict[str, str]]:
    """Return the house of a shop in its sale, and a key of each kind."""
    settings = settings_in(folder, database.url, api_rate_per_second=100_000)
    house = TestHouse(settings, database)
    shop, now = shop_in(house), house.real_now()
    stock_shelves(database, shop, now=now)
    open_sale(database, shop, day=now.date(), now=now)
    return house, {
        SECRET: key_in(house, shop, *Scope),
        PUBLISHABLE: key_in(house, shop, *BROWSER, is_publishable=True),
    }

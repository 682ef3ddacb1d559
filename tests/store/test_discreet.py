"""No value stands in a log: not in what the database says, nor in what was sent with it."""

import logging
import subprocess
import sys
import traceback
from collections.abc import Callable

import pytest
from litestar import get
from litestar.testing import TestClient
from sqlalchemy import Connection, insert, text
from sqlalchemy.exc import DBAPIError

from springtide.domain.access import store
from springtide.domain.access.model import Public, Role
from springtide.kit.bulk import insert_rows
from springtide.kit.discreet import DiscreetFormatter
from springtide.site import create_app
from tests.kit.house import TestHouse, person_in, shop_in

VALUE = "li.mei-7f3a"
ADDRESS = f"{VALUE}@example.com"


def _person_again(tx: Connection) -> None:
    row = tx.execute(store.people.select().where(store.people.c.email == ADDRESS)).one()
    tx.execute(insert(store.people).values(dict(row._mapping) | {"name": VALUE}))


def _member_of_nobody(tx: Connection) -> None:
    row = tx.execute(store.memberships.select()).first()
    assert row is not None
    tx.execute(insert(store.memberships).values(dict(row._mapping) | {"role": VALUE}))


def _text_for_a_number(tx: Connection) -> None:
    tx.execute(text("select cast(:it as integer) + nothing_such"), {"it": VALUE})


def _rows_again(tx: Connection) -> None:
    row = tx.execute(store.people.select().where(store.people.c.email == ADDRESS)).one()
    insert_rows(tx, store.people, [tuple(row), tuple(row)])


BREAKS: list[Callable[[Connection], None]] = [
    _person_again, _member_of_nobody, _text_for_a_number, _rows_again
]  # fmt: skip


@pytest.mark.parametrize("breaks", BREAKS)
def test_no_value_stands_in_an_error_of_the_database(
    house: TestHouse, breaks: Callable[[Connection], None]
) -> None:
    person_in(house, shop_in(house), Role.OWNER, ADDRESS)
    with pytest.raises(DBAPIError) as failed, house.db.write() as tx:
        breaks(tx)
    told = "".join(traceback.format_exception(failed.value)) + repr(failed.value)
    assert VALUE not in told
    assert "scrypt" not in told
    # What helps to find the fault is still told.
    assert "Error" in told


def test_a_text_that_is_no_number_is_not_told(house: TestHouse) -> None:
    if house.db.is_sqlite:
        pytest.skip("SQLite takes any text for a number")
    with pytest.raises(DBAPIError) as failed, house.db.write() as tx:
        tx.execute(text("select cast(:it as integer)"), {"it": VALUE})
    assert VALUE not in "".join(traceback.format_exception(failed.value))
    assert "22P02" in str(failed.value)


def test_a_fault_of_the_server_tells_no_value(
    house: TestHouse, caplog: pytest.LogCaptureFixture
) -> None:
    person_in(house, shop_in(house), Role.OWNER, ADDRESS)

    @get("/v1/test-again", opt={"access": Public("fails on purpose")}, sync_to_thread=True)
    def again() -> None:
        with house.db.write() as tx:
            _person_again(tx)

    app = create_app(house)
    app.register(again)
    with TestClient(app, raise_server_exceptions=False) as client, caplog.at_level(logging.ERROR):
        assert client.get("/v1/test-again").status_code == 500
    lines = [DiscreetFormatter().format(each) for each in caplog.records]
    assert any("fault id=" in line and "IntegrityError" in line for line in lines)
    assert VALUE not in "".join(lines)


def test_what_a_server_or_a_command_logs_is_looked_at_once_more() -> None:
    script = (
        "import logging, sys\n"
        "from springtide.kit import discreet\n"
        "discreet.write_logs('%(levelname)s %(message)s')\n"
        "try:\n"
        f"    raise ValueError('no mailbox <{ADDRESS}> here')\n"
        "except ValueError:\n"
        f"    logging.getLogger('x').exception('to %s', '{ADDRESS}')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert VALUE not in done.stderr
    assert "ValueError: no mailbox <…@…> here" in done.stderr
    assert "ERROR to …@…" in done.stderr


def test_a_log_line_tells_its_instant_in_utc() -> None:
    record = logging.LogRecord("springtide", logging.WARNING, __file__, 1, "late", None, None)
    record.created, record.msecs = 1_762_790_399.25, 250.0
    line = DiscreetFormatter("%(asctime)s %(message)s").format(record)
    assert line == "2025-11-10T15:59:59.250Z late"

"""A page whose write met another one on PostgreSQL is sent once and done once, as in the API."""

import pytest
from litestar.testing import TestClient
from sqlalchemy import text

from springtide.domain.access.model import Role
from springtide.kit.db import TRIES
from springtide.site import create_app
from tests.kit.house import PASSWORD, Browser, TestHouse, person_in, shop_in

EMAIL = "owner@tide.test"
# What PostgreSQL says to the one of two that it undoes; a sequence goes on in spite of that.
_MET = """
create sequence met_times;
create function met() returns trigger language plpgsql as $$
begin
  if nextval('met_times') <= {times} then
    raise exception 'met another one' using errcode = '40P01';
  end if;
  return new;
end $$;
create trigger met before insert on audit_log for each row execute function met();
"""


def _meets(house: TestHouse, times: int) -> int:
    """Let the next writes to the audit log meet others so often; return how many lines it has."""
    if house.db.is_sqlite:
        pytest.skip("SQLite has one writer at a time: no two meet")
    with house.db.write() as tx:
        tx.exec_driver_sql(_MET.format(times=times))
    return _lines(house)


def _lines(house: TestHouse) -> int:
    with house.db.read() as tx:
        return int(tx.execute(text("select count(*) from audit_log")).scalar_one())


@pytest.mark.parametrize(
    ("path", "typed", "lines"),
    [
        ("/settings/points", {"kept_by": "nobody"}, 1),
        # Its plan has nine tasks.
        ("/campaigns/new", {"name": "Big day", "day": "2026-11-11"}, 10),
    ],
)
def test_a_page_is_begun_again(
    house: TestHouse, path: str, typed: dict[str, str], lines: int
) -> None:
    shop = shop_in(house)
    owner = person_in(house, shop, Role.OWNER, EMAIL)
    with TestClient(create_app(house), raise_server_exceptions=False) as client:
        browser = Browser(client, house).sign_in(owner)
        before = _meets(house, 1)
        assert browser.post(f"/shops/{shop.slug}{path}", typed).status_code == 303
    assert _lines(house) == before + lines


def test_a_log_in_is_begun_again(house: TestHouse) -> None:
    person_in(house, shop_in(house), Role.OWNER, EMAIL)
    with TestClient(create_app(house), raise_server_exceptions=False) as client:
        before = _meets(house, 2)
        form = {"email": EMAIL, "password": PASSWORD}
        assert Browser(client, house).post("/log-in", form).status_code == 303
    assert _lines(house) == before + 1


def test_who_meets_others_every_time_is_told_to_send_it_again(house: TestHouse) -> None:
    shop = shop_in(house)
    owner = person_in(house, shop, Role.OWNER, EMAIL)
    with TestClient(create_app(house), raise_server_exceptions=False) as client:
        browser = Browser(client, house).sign_in(owner)
        before = _meets(house, TRIES)
        answer = browser.post(f"/shops/{shop.slug}/settings/points", {"kept_by": "nobody"})
    assert answer.status_code == 503
    assert "send it again" in answer.text
    assert _lines(house) == before

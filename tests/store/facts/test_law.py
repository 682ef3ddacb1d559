"""The law of facts: whatever happens to them on the way, readers see what a plain dict holds."""

import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from springtide.bootstrap import real_instant
from springtide.domain.access.model import Actor
from springtide.domain.access.operations import create_shop
from springtide.domain.facts import operations
from springtide.domain.facts.lake import Lake
from springtide.domain.facts.model import Fact
from springtide.domain.facts.reader import FactReader
from springtide.domain.imports.model import RowCounts
from springtide.flows.files.imports import import_file
from springtide.flows.files.table_load import Target
from springtide.kit.db import Database

NOW = datetime(2026, 1, 5, tzinfo=UTC)
ACTOR = Actor("command", "test", "test")
# Of two months, so that partitions differ, and an instant may move from one to the other.
DAYS = (datetime(2025, 1, 31, tzinfo=UTC), datetime(2025, 2, 1, tzinfo=UTC))
MAPPING = {
    "source": "till",
    "paid": False,
    "unit": "minor",
    "columns": {
        "external_id": "id",
        "customer_key": "customer",
        "occurred_at": "at",
        "amount": "amount",
    },
}

Lines = dict[int, tuple[int, int, int]]

numbers = st.integers(0, 7)
lines = st.dictionaries(
    numbers, st.tuples(st.integers(0, 1), st.integers(0, 2), st.integers(0, 3)), max_size=6
)


class FactsAsADict(RuleBasedStateMachine):
    """Facts one by one and from files, sealed and compacted, beside a dict of the newest."""

    template: Path

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        home = Path(self.folder.name)
        (home / "state.db").write_bytes(self.template.read_bytes())
        self.database = Database(f"sqlite:///{home / 'state.db'}")
        self.database.clock = real_instant
        with self.database.write() as tx:
            self.shop = create_shop(
                tx, slug="tide", name="Tide", currency="CNY", zone_name="UTC",
                actor=ACTOR, now=NOW,
            )  # fmt: skip
        self.home = home
        self.lake = Lake(home / "lake")
        self.target = Target(self.database, self.lake, home / "rejects", lambda: NOW)
        self.open_reader = FactReader(self.database, self.lake)
        self.model: dict[tuple[str, str], tuple[str | None, int, int, datetime]] = {}
        self.last_file: Lines = {}
        self.last_hour = 0

    @rule(batch=st.lists(st.tuples(numbers, lines), max_size=3))
    def append(self, batch: list[tuple[int, Lines]]) -> None:
        """Append facts: new ones, the same again, or others under a known id."""
        facts = [
            Fact(
                shop="tide", kind="order", occurred_at=DAYS[day] + timedelta(hours=number),
                source="api", external_id=str(number), customer_key=f"c{customer}",
                amount_minor=amount,
            )
            for _, some in batch
            for number, (day, customer, amount) in some.items()
        ]  # fmt: skip
        with self.database.write() as tx:
            operations.append(tx, facts, now=NOW)
        for fact in facts:
            self._take(
                "api", fact.external_id, fact.customer_key, fact.amount_minor, fact.occurred_at
            )

    @rule(some=lines.filter(bool), hour=st.integers(0, 3))
    def import_rows(self, some: Lines, hour: int) -> None:
        """Import a file exported at some hour: rows that are new, known, corrected or outdated."""
        self._import(some, hour)

    @rule()
    def import_again(self) -> None:
        """Import the last file once more."""
        if self.last_file:
            done = self._import(self.last_file, self.last_hour)
            assert (done.new, done.changed) == (0, 0)

    @rule()
    def seal(self) -> None:
        """Move the tail to the lake."""
        operations.seal(self.database, self.lake)

    @rule(files_max=st.integers(1, 2))
    def compact(self, files_max: int) -> None:
        """Write small files as one."""
        operations.compact(self.database, self.lake, files_max=files_max)

    @invariant()
    def the_open_reader_agrees(self) -> None:
        """A reader that saw every step sees the newest of each fact, once."""
        assert self._seen(self.open_reader) == self._expected()

    def teardown(self) -> None:
        """A reader opened at the end agrees too."""
        fresh = FactReader(self.database, Lake(self.home / "lake"))
        try:
            assert self._seen(fresh) == self._expected()
        finally:
            fresh.close()
            self.open_reader.close()
            self.database.close()
            self.folder.cleanup()

    def _import(self, some: Lines, hour: int) -> RowCounts:
        rows = [
            f"{number},c{customer},{(DAYS[day] + timedelta(hours=number)):%Y-%m-%d %H:%M},{amount}"
            for number, (day, customer, amount) in some.items()
        ]
        path = self.home / "rows.csv"
        path.write_text("id,customer,at,amount\n" + "\n".join(rows) + "\n")
        told_at = NOW - timedelta(hours=hour)
        done = import_file(
            self.target, path, shop=self.shop, actor=ACTOR, mapping=MAPPING, told_at=told_at
        )
        assert done.rows.rejected == 0
        for number, (day, customer, amount) in some.items():
            at = DAYS[day] + timedelta(hours=number)
            minute = int(told_at.timestamp()) // 60
            self._take("till", f"order:{number}", f"c{customer}", amount, at, minute)
        self.last_file, self.last_hour = some, hour
        return done.rows

    def _take(
        self, source: str, external_id: str, customer: str | None, amount: int, at: datetime,
        minute: int | None = None,
    ) -> None:  # fmt: skip
        known = self.model.get((source, external_id))
        if known is None:
            self.model[(source, external_id)] = (customer, amount, minute or 1, at)
        elif (known[0], known[1], known[3]) != (customer, amount, at):
            version = minute or known[2] + 1
            if version >= known[2]:  # what an older file says changes nothing
                self.model[(source, external_id)] = (customer, amount, version, at)

    def _expected(self) -> list[tuple[object, ...]]:
        return sorted((*key, *value) for key, value in self.model.items())

    @staticmethod
    def _seen(reader: FactReader) -> list[tuple[object, ...]]:
        return sorted(
            reader.rows(
                "select source, external_id, customer_key, amount_minor, version, occurred_at "
                "from facts where shop = 'tide'"
            )
        )


def test_facts_are_what_a_dict_of_the_newest_versions_holds(sqlite_template: Path) -> None:
    FactsAsADict.template = sqlite_template
    case = FactsAsADict.TestCase
    case.settings = settings(
        max_examples=6,
        stateful_step_count=8,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    case().runTest()

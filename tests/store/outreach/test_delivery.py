"""Each person once, whatever crashes: sending on both databases, to a real mail sink."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import ClassVar, Self
from uuid import UUID

import pytest

from springtide.connectors.channels.email import Email
from springtide.connectors.channels.mailbox import Mailbox
from springtide.domain.access.act import Act
from springtide.domain.access.model import Shop
from springtide.domain.customers.model import CustomerEntry
from springtide.domain.customers.operations import opt_out, upsert_customers
from springtide.domain.facts.lake import Lake
from springtide.domain.facts.reader import FactReader
from springtide.domain.outreach import operations, queries
from springtide.domain.outreach.delivery import LEASE, Sender, send_batch
from springtide.domain.outreach.model import (
    BatchResult,
    Draft,
    EmptyAudience,
    MessageState,
    NotADraft,
    NotFrozen,
    NotUncertain,
    OutreachStatus,
    Segment,
)
from springtide.domain.outreach.ports import (
    Channel,
    Consent,
    Contact,
    Content,
    Letter,
    MayBeAcceptedError,
)
from springtide.kit.db import Database
from springtide.kit.errors import FinalError, Invalid, NeedsPersonError, PassingError
from springtide.settings import Settings
from tests.kit.mail import mail_sink, settings_for
from tests.kit.shops import ACTOR, new_shop

DRAFT = Draft(
    name="Warm-up",
    subject="{shop}: it starts on Saturday",
    body="Hello {name},\n\nsee {link}\n\n{opt_out_link}",
    link="https://shop.example/sale",
)


class Power(BaseException):
    """The plug is pulled: nothing after this runs."""


class Fake:
    """A channel that keeps letters in a list and fails as it is told, by customer."""

    kind: ClassVar[str] = "fake"
    label: ClassVar[str] = "Fake"
    contact: ClassVar[Contact] = Contact("address")
    content: ClassVar[Content] = Content(20_000, 200)
    consent: ClassVar[Consent] = Consent()

    def __init__(self, *, knows: bool = True) -> None:
        self.accepted: list[Letter] = []
        self.errors: dict[str, BaseException] = {}
        self.crash_before: set[str] = set()
        self.crash_after: set[str] = set()
        self.knows = knows

    @classmethod
    def open(cls, settings: Settings) -> Self:
        return cls()

    def send(self, letter: Letter) -> None:
        if letter.to_name in self.crash_before:
            self.crash_before.remove(letter.to_name)
            raise Power()
        if letter.to_name in self.errors:
            raise self.errors[letter.to_name]
        self.accepted.append(letter)
        if letter.to_name in self.crash_after:
            self.crash_after.remove(letter.to_name)
            raise Power()

    def was_accepted(self, reference: str) -> bool | None:
        known = any(letter.reference == reference for letter in self.accepted)
        return known if self.knows else None

    def close(self) -> None:
        pass

    def names(self) -> list[str]:
        return sorted(letter.to_name for letter in self.accepted)


class Desk:
    """A shop with some customers and one outreach, and the means to send it."""

    def __init__(self, database: Database, reader: FactReader, now: datetime, people: int) -> None:
        self.db, self.reader, self.now = database, reader, now
        self.shop: Shop = new_shop(database, now=now)
        entries = [
            CustomerEntry(f"c{n:02}", f"N{n:02}", f"c{n:02}@buyers.example") for n in range(people)
        ]
        with database.write() as tx:
            upsert_customers(Act(tx, self.shop, ACTOR, now, now), entries=entries)
        self.id: UUID = self.draft(DRAFT)

    def draft(self, draft: Draft) -> UUID:
        with self.db.write() as tx:
            return operations.create_outreach(
                Act(tx, self.shop, ACTOR, self.now, self.now), draft=draft
            ).id

    def freeze(self) -> None:
        with self.db.write() as tx:
            reach = queries.segment_reach(
                tx, reader=self.reader, shop=self.shop, segment=Segment(), as_of=self.now.date()
            )
            operations.freeze_audience(
                Act(tx, self.shop, ACTOR, self.now, self.now),
                outreach_id=self.id,
                customer_keys=reach.keys,
            )

    def send(
        self,
        channel: Channel,
        *,
        sender: str = "worker",
        limit: int = 100,
        later: timedelta = timedelta(0),
    ) -> BatchResult:
        post = Sender(self.db, channel, "s" * 64, "https://tide.example", sender)
        return send_batch(
            post,
            shop=self.shop,
            outreach_id=self.id,
            limit=limit,
            now=self.now,
            real_now=self.now + later,
        )

    def counts(self) -> dict[str, int]:
        with self.db.read() as tx:
            got = queries.progress(tx, outreach_id=self.id).counts
        return {str(state): count for state, count in got.items()}

    def status(self) -> str:
        with self.db.read() as tx:
            return queries.outreach(tx, shop_id=self.shop.id, outreach_id=self.id).status

    def message_facts(self) -> int:
        query = "select count(*), count(distinct customer_key) from facts where kind = 'message'"
        ((rows, people),) = self.reader.rows(query)
        assert rows == people
        return int(rows)

    def held_out(self) -> set[str]:
        with self.db.read() as tx:
            arms = queries.arms(tx, outreach_id=self.id)
        return {key for key, is_held_out in arms.items() if is_held_out}

    def opt_out(self, key: str) -> None:
        with self.db.write() as tx:
            opt_out(Act(tx, self.shop, ACTOR, self.now, self.now), key=key, by="test")


@pytest.fixture
def desk(database: Database, tmp_path: Path, now: datetime) -> Iterator[Desk]:
    reader = FactReader(database, Lake(tmp_path / "lake"))
    yield Desk(database, reader, now, people=20)
    reader.close()


@pytest.fixture
def frozen(desk: Desk) -> Desk:
    desk.freeze()
    return desk


def test_everyone_but_the_control_group_gets_one_letter(frozen: Desk) -> None:
    channel = Fake()
    assert frozen.send(channel, limit=12) == BatchResult(12, 6, 0)
    assert frozen.status() == OutreachStatus.SENDING
    assert frozen.send(channel, limit=12) == BatchResult(6, 0, 0)
    assert frozen.status() == OutreachStatus.DONE
    assert len(frozen.held_out()) == 2
    treated = {f"c{n:02}" for n in range(20)} - frozen.held_out()
    assert {letter.to_address.split("@")[0] for letter in channel.accepted} == treated
    assert frozen.counts() == {"sent": 18, "held_out": 2}
    assert frozen.message_facts() == 18
    assert frozen.send(channel) == BatchResult(0, 0, 0)
    assert len(channel.accepted) == 18


@pytest.mark.parametrize("moment", ["crash_before", "crash_after"])
@pytest.mark.parametrize("knows", [True, False])
def test_a_crash_at_any_letter_sends_none_twice(frozen: Desk, moment: str, knows: bool) -> None:
    channel = Fake(knows=knows)
    treated = sorted(
        {f"N{n:02}" for n in range(20)} - {k.replace("c", "N") for k in frozen.held_out()}
    )
    crashes = 0
    setattr(channel, moment, set(treated[::4]))
    while True:
        try:
            if not frozen.send(channel).open_count:
                break
        except Power:
            crashes += 1
    assert crashes == 5
    assert len(channel.names()) == len(set(channel.names()))
    if knows:
        assert channel.names() == treated
        assert frozen.counts() == {"sent": 18, "held_out": 2}
    else:
        # Nobody can tell what became of them, so they are left to a person.
        assert frozen.counts() == {"sent": 18 - crashes, "uncertain": crashes, "held_out": 2}
    assert frozen.message_facts() == frozen.counts()["sent"]


def test_another_workers_letter_is_left_alone_till_its_lease_ends(frozen: Desk) -> None:
    channel = Fake()
    channel.crash_after = {
        next(f"N{n:02}" for n in range(20) if f"c{n:02}" not in frozen.held_out())
    }
    with pytest.raises(Power):
        frozen.send(channel, sender="first")
    reached = len(channel.accepted)
    assert frozen.send(channel, sender="second") == BatchResult(0, 18, 0)
    assert len(channel.accepted) == reached
    assert frozen.send(channel, sender="second", later=LEASE * 2).open_count == 0
    assert len(channel.names()) == len(set(channel.names())) == 18


def test_who_opts_out_between_freezing_and_sending_gets_nothing(frozen: Desk) -> None:
    gone = next(f"c{n:02}" for n in range(20) if f"c{n:02}" not in frozen.held_out())
    frozen.opt_out(gone)
    channel = Fake()
    frozen.send(channel)
    assert gone.replace("c", "N") not in channel.names()
    assert frozen.counts() == {"sent": 17, "opted_out": 1, "held_out": 2}


def test_opted_out_customers_are_in_no_audience(desk: Desk) -> None:
    desk.opt_out("c07")
    desk.freeze()
    with desk.db.read() as tx:
        assert "c07" not in queries.arms(tx, outreach_id=desk.id)


def test_failures_are_told_apart(frozen: Desk) -> None:
    names = [f"N{n:02}" for n in range(20) if f"c{n:02}" not in frozen.held_out()]
    channel = Fake(knows=False)
    channel.errors = {
        names[0]: FinalError("no such user"),
        names[3]: PassingError("later"),
        names[6]: MayBeAcceptedError("hung up"),
    }
    first = frozen.send(channel)
    assert (first.sent_count, first.passing_count, first.open_count) == (15, 1, 1)
    del channel.errors[names[3]]
    assert frozen.send(channel).open_count == 0
    assert frozen.counts() == {"sent": 16, "failed": 1, "uncertain": 1, "held_out": 2}


def test_a_letter_that_never_goes_fails_in_the_end(frozen: Desk) -> None:
    channel = Fake()
    name = next(f"N{n:02}" for n in range(20) if f"c{n:02}" not in frozen.held_out())
    channel.errors = {name: PassingError("busy")}
    rounds = 0
    while frozen.send(channel).open_count:
        rounds += 1
        assert rounds < 10
    assert frozen.counts() == {"sent": 17, "failed": 1, "held_out": 2}


def test_a_channel_that_is_down_ends_the_batch_early(frozen: Desk) -> None:
    channel = Fake()
    channel.errors = {f"N{n:02}": PassingError("down") for n in range(20)}
    assert frozen.send(channel) == BatchResult(0, 18, 3)


def test_wrong_set_up_stops_and_costs_no_attempt(frozen: Desk) -> None:
    channel = Fake()
    channel.errors = {f"N{n:02}": NeedsPersonError("bad password") for n in range(20)}
    for _ in range(7):
        result = frozen.send(channel)
    assert result == BatchResult(0, 18, 0, "bad password")
    assert frozen.send(Fake()) == BatchResult(18, 0, 0)


def test_cancelling_keeps_the_rest_unsent(frozen: Desk) -> None:
    channel = Fake()
    frozen.send(channel, limit=5)
    for _ in range(2):
        with frozen.db.write() as tx:
            operations.cancel_outreach(
                Act(tx, frozen.shop, ACTOR, frozen.now, frozen.now), outreach_id=frozen.id
            )
    assert frozen.send(channel) == BatchResult(0, 0, 0)
    assert frozen.counts() == {"sent": 5, "cancelled": 13, "held_out": 2}


def test_a_person_settles_what_nobody_could_tell(frozen: Desk) -> None:
    channel = Fake(knows=False)
    name = next(f"N{n:02}" for n in range(20) if f"c{n:02}" not in frozen.held_out())
    channel.errors = {name: MayBeAcceptedError("hung up")}
    frozen.send(channel)
    with frozen.db.read() as tx:
        (waiting,) = queries.messages_in_state(
            tx, outreach_id=frozen.id, state=MessageState.UNCERTAIN
        )

    def settle() -> None:
        with frozen.db.write() as tx:
            operations.settle_uncertain(
                Act(tx, frozen.shop, ACTOR, frozen.now, frozen.now),
                message_id=waiting.id,
                was_sent=True,
            )

    settle()
    with pytest.raises(NotUncertain):
        settle()
    assert frozen.counts() == {"sent": 18, "held_out": 2}
    assert frozen.message_facts() == 18


def test_the_audience_is_fixed_once_and_drafts_are_not_sent(desk: Desk) -> None:
    with pytest.raises(NotFrozen):
        desk.send(Fake())
    desk.freeze()
    before = desk.held_out()
    desk.freeze()
    assert desk.held_out() == before
    with desk.db.write() as tx, pytest.raises(NotADraft):
        operations.change_outreach(
            Act(tx, desk.shop, ACTOR, desk.now, desk.now), outreach_id=desk.id, draft=DRAFT
        )


def test_an_audience_of_nobody_is_refused(desk: Desk) -> None:
    for n in range(20):
        desk.opt_out(f"c{n:02}")
    with pytest.raises(EmptyAudience):
        desk.freeze()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("subject", ""),
        ("subject", "two\nlines"),
        ("subject", "{link}"),
        ("subject", "x" * 201),
        ("body", "Hello {surname}"),
        ("body", "Hello {name"),
        ("body", "Hello {name!r}"),
        ("body", "Hello {name.__class__}"),
        ("body", "Hello {0}"),
        ("body", "x" * 20_001),
        ("link", "javascript:alert(1)"),
        ("link", ""),
        ("control_bps", 5001),
        ("channel", "pigeon"),
    ],
)
def test_a_draft_that_could_not_be_sent_is_refused_when_it_is_saved(
    desk: Desk, field: str, value: object
) -> None:
    with pytest.raises(Invalid) as raised:
        desk.draft(replace(DRAFT, **{field: value}))  # type: ignore[arg-type]
    assert list(raised.value.fields) == [field]


def test_real_mail_reaches_the_sink_once_and_bears_a_working_link(
    frozen: Desk, tmp_path: Path
) -> None:
    with mail_sink(tmp_path / "mailbox") as (mailbox, port):
        channel = Email.open(settings_for(tmp_path, port))
        frozen.send(channel)
        channel.close()
    assert (mailbox.count(), mailbox.copies()) == (18, 0)
    (got,) = mailbox.newest(1)
    assert got.subject == "Tide & Co: it starts on Saturday"
    assert got.unsubscribe in got.text
    assert '<a href="https://shop.example/sale">' in got.html
    assert "Hello N" in got.text


def test_mail_is_whole_after_crashes_on_the_way(frozen: Desk, tmp_path: Path) -> None:
    with mail_sink(tmp_path / "mailbox") as (mailbox, port):
        email = Email.open(settings_for(tmp_path, port))
        crashing = _Crashing(email)
        for _ in range(40):
            try:
                if not frozen.send(crashing).open_count:
                    break
            except Power:
                continue
        email.close()
    assert (mailbox.count(), mailbox.copies()) == (18, 0)
    assert frozen.message_facts() == 18
    assert isinstance(mailbox, Mailbox)


class _Crashing:
    """Real e-mail with the plug pulled before or after every other letter."""

    kind: ClassVar[str] = "email"
    label: ClassVar[str] = "Email"
    contact: ClassVar[Contact] = Email.contact
    content: ClassVar[Content] = Email.content
    consent: ClassVar[Consent] = Email.consent

    def __init__(self, email: Email) -> None:
        self._email = email
        self._calls = 0

    @classmethod
    def open(cls, settings: Settings) -> Self:
        return cls(Email.open(settings))

    def send(self, letter: Letter) -> None:
        self._calls += 1
        if self._calls % 4 == 1:
            raise Power()
        self._email.send(letter)
        if self._calls % 4 == 3:
            raise Power()

    def was_accepted(self, reference: str) -> bool | None:
        return self._email.was_accepted(reference)

    def close(self) -> None:
        self._email.close()

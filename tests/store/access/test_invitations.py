"""Invitations: bound to an address, good once, and nothing that tells of accounts elsewhere."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from springtide.domain.access import audit_queries, operations, queries
from springtide.domain.access.act import Act
from springtide.domain.access.model import Invitation, Person, Role, Shop
from springtide.kit.errors import Invalid, NotFound, Refusal
from tests.kit.house import ACTOR, PASSWORD, TestHouse, person_in, shop_in

EMAIL = "mei@example.test"


def _invite(
    house: TestHouse, shop: Shop, email: str = EMAIL, role: Role = Role.DESIGN
) -> tuple[Invitation, str]:
    with house.db.write() as tx:
        return operations.invite(Act.of(tx, shop, ACTOR), email=email, role=role)


def _take_new(house: TestHouse, token: str, password: str = PASSWORD) -> Person:
    with house.db.write() as tx:
        return operations.accept_as_new(
            tx,
            token=token,
            name="Mei",
            password=password,
            language="en",
            now=house.real_now(),
        )[0]


def _join(house: TestHouse, token: str, person: Person) -> Role:
    with house.db.write() as tx:
        return operations.accept_invitation(tx, token=token, person=person, now=house.real_now())[1]


def _role(house: TestHouse, shop: Shop, person: Person) -> Role | None:
    with house.db.read() as tx:
        try:
            return queries.member(tx, person=person, slug=shop.slug).role
        except NotFound:
            return None


def test_a_new_person_chooses_name_and_password_and_the_link_works_once(house: TestHouse) -> None:
    shop = shop_in(house)
    made, token = _invite(house, shop, " Mei@Example.test ")
    person = _take_new(house, token)
    assert (made.email, person.email, person.name) == (EMAIL, EMAIL, "Mei")
    assert _role(house, shop, person) == Role.DESIGN
    assert operations.log_in(
        house.db,
        email=EMAIL,
        password=PASSWORD,
        visit=operations.Visit("192.0.2.1"),
        now=house.real_now(),
    )
    with pytest.raises(queries.InvitationGone):
        _join(house, token, person)


def test_an_existing_person_joins_only_as_the_invited_address(house: TestHouse) -> None:
    shop, other = shop_in(house), shop_in(house, "other")
    person, stranger = (
        person_in(house, other, Role.OWNER, EMAIL),
        person_in(house, other, Role.DESIGN, "x@example.test"),
    )
    _, token = _invite(house, shop)
    assert _role(house, shop, person) is None
    with pytest.raises(operations.OtherAddress):
        _join(house, token, stranger)
    with pytest.raises(operations.AccountExists):
        _take_new(house, token)
    assert _join(house, token, person) == Role.DESIGN
    assert (_role(house, shop, person), _role(house, other, person)) == (Role.DESIGN, Role.OWNER)


def test_inviting_says_the_same_of_an_address_with_and_without_an_account(
    house: TestHouse,
) -> None:
    shop, other = shop_in(house), shop_in(house, "other")
    person_in(house, other, Role.OWNER, "has@example.test")
    told = []
    for email in ("has@example.test", "new@example.test"):
        made, token = _invite(house, shop, email)
        with pytest.raises(Invalid) as careless:
            _take_new(house, token, password="short")
        told.append((made.role, made.sent_at, len(token), list(careless.value.fields)))
    assert told[0] == told[1]


def test_a_link_is_over_when_withdrawn_replaced_or_late(house: TestHouse) -> None:
    shop, other = shop_in(house), shop_in(house, "other")
    _, first = _invite(house, shop)
    made, second = _invite(house, shop, role=Role.OPERATIONS)
    with pytest.raises(NotFound), house.db.write() as tx:
        operations.withdraw_invitation(Act.of(tx, other, ACTOR), invitation_id=made.id)
    with house.db.write() as tx:
        renewed, third = operations.renew_invitation(Act.of(tx, shop, ACTOR), invitation_id=made.id)
    assert renewed.role == Role.OPERATIONS
    house.forward(days=operations.INVITATION_DAYS)
    _, fourth = _invite(house, shop, "b@example.test")
    with house.db.write() as tx:
        [gone] = [
            each
            for each in queries.invitations_of(tx, shop_id=shop.id)
            if each.email == "b@example.test"
        ]
        operations.withdraw_invitation(Act.of(tx, shop, ACTOR), invitation_id=gone.id)
    for token in (first, second, third, fourth, "", "x" * 5000):
        with pytest.raises(queries.InvitationGone):
            _take_new(house, token)


def test_only_the_hash_of_a_link_is_kept(house: TestHouse) -> None:
    shop = shop_in(house)
    made, token = _invite(house, shop)
    with house.db.read() as tx:
        kept = repr(queries.invitations_of(tx, shop_id=shop.id))
        log = repr(audit_queries.audit_page(tx, shop_id=shop.id))
    assert token not in kept + log + repr(made)
    assert "invitation.create" in log


def test_a_shop_sends_only_so_many_invitations_a_day(house: TestHouse) -> None:
    shop, other = shop_in(house), shop_in(house, "other")
    for _ in range(operations.INVITATIONS_A_DAY):
        _invite(house, shop)
    with pytest.raises(operations.TooManyInvitations):
        _invite(house, shop)
    assert _invite(house, other)
    house.forward(days=1, seconds=1)
    assert _invite(house, shop)


def test_two_at_once_take_a_link_up_once_and_two_owners_invite_once(house: TestHouse) -> None:
    shop = shop_in(house)
    start = threading.Barrier(2)

    def at_once(work: object) -> object:
        start.wait()
        try:
            return work()  # type: ignore[operator]
        except Refusal as refusal:
            return refusal.code

    with ThreadPoolExecutor(2) as pool:
        invited = [pool.submit(at_once, lambda: _invite(house, shop)) for _ in range(2)]
        tokens = [each.result()[1] for each in invited]  # type: ignore[index]
        with house.db.read() as tx:
            assert len(queries.invitations_of(tx, shop_id=shop.id)) == 1
        _, token = _invite(house, shop)
        done = [pool.submit(at_once, lambda: _take_new(house, token)) for _ in range(2)]
        results = [each.result() for each in done]
    assert len(set(tokens)) == 2
    assert sorted(type(each).__name__ for each in results) == ["Person", "str"]
    assert "invitation_gone" in results


def test_whoever_is_in_already_keeps_the_role_and_is_not_invited(house: TestHouse) -> None:
    shop = shop_in(house)
    _, token = _invite(house, shop)
    person = person_in(house, shop, Role.OWNER, EMAIL)
    assert _join(house, token, person) == Role.OWNER
    with pytest.raises(operations.AlreadyMember):
        _invite(house, shop)


def test_a_log_in_ends_with_the_last_shop_only(house: TestHouse) -> None:
    shop, other = shop_in(house), shop_in(house, "other")
    person = person_in(house, shop, Role.DESIGN, EMAIL)
    with house.db.write() as tx:
        operations.add_member(Act.of(tx, other, ACTOR), person=person, role=Role.DESIGN)
    token = operations.log_in(
        house.db,
        email=EMAIL,
        password=PASSWORD,
        visit=operations.Visit("192.0.2.1"),
        now=house.real_now(),
    ).token
    for left, is_in in ((shop, True), (other, False)):
        with house.db.write() as tx:
            operations.remove_member(Act.of(tx, left, ACTOR), person=person)
        with house.db.read() as tx:
            if is_in:
                assert queries.session_person(tx, token=token, now=house.real_now())[0] == person
            else:
                with pytest.raises(queries.NotSignedIn):
                    queries.session_person(tx, token=token, now=house.real_now())


def test_two_owners_cannot_both_leave_at_once(house: TestHouse) -> None:
    shop = shop_in(house)
    owners = [person_in(house, shop, Role.OWNER, f"{name}@tide.test") for name in "ab"]
    start = threading.Barrier(2)

    def leave(person: Person) -> str:
        start.wait()
        try:
            with house.db.write() as tx:
                operations.remove_member(Act.of(tx, shop, ACTOR), person=person)
        except Refusal as refusal:
            return refusal.code
        return "left"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(leave, owners)) == ["last_owner", "left"]

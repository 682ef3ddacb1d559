"""Settings, people: who belongs to the shop, in which role."""

import secrets
from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body
from sqlalchemy import Connection

from springtide.bootstrap import House
from springtide.domain.access import operations, queries
from springtide.domain.access.model import Member, Needs, Permission, Person, Role
from springtide.kit.errors import N_, NotFound, Refusal
from springtide.kit.i18n import translate
from springtide.kit.ids import inward
from springtide.web import render
from springtide.web.forms import Form
from springtide.web.settings import sections

Typed = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]
AnyRequest = Request[Any, Any, Any]
_OPT = {"access": Needs(Permission.SETTINGS_WRITE)}


class UnknownRole(Refusal):
    """A role that shops do not have."""

    code = "unknown_role"
    text = N_("“{value}” is not a role.")


class NotYourself(Refusal):
    """Whoever takes away their own rights cannot give them back."""

    code = "not_yourself"
    status = 409
    text = N_("Another owner has to change your own role.")


@get("/shops/{shop:str}/settings", opt=_OPT, sync_to_thread=False)
def settings_start(member: Member) -> Response[Any]:
    """Go to the first section."""
    return render.see_other(f"/shops/{member.shop.slug}/settings/people")


@get("/shops/{shop:str}/settings/people", opt=_OPT, sync_to_thread=True)
def people_page(request: AnyRequest, house: House, member: Member) -> Response[str]:
    """Show the people of the shop and the form that adds one."""
    return _page(request, house, member, Form())


@post("/shops/{shop:str}/settings/people", opt=_OPT, sync_to_thread=True)
def add_person(request: AnyRequest, house: House, member: Member, data: Typed) -> Response[Any]:
    """Let someone in; a person new to this installation gets a first password, shown once."""
    password = secrets.token_urlsafe(9)
    try:
        with house.db.write() as tx:
            person, is_new = _known_or_new(tx, house, member, data, password)
            operations.add_member(
                tx,
                shop=member.shop,
                person=person,
                role=_role(data.get("role", "")),
                actor=member.actor,
                now=house.real_now(),
            )
    except Refusal as refusal:
        return _page(request, house, member, Form.refused(data, refusal), status=refusal.status)
    first = (person, password) if is_new else None
    return _page(request, house, member, Form(), added=person, first=first)


@post("/shops/{shop:str}/settings/people/{person_id:str}/role", opt=_OPT, sync_to_thread=True)
def change_role(
    request: AnyRequest, house: House, member: Member, person_id: str, data: Typed
) -> Response[Any]:
    """Give a person of the shop another role."""
    try:
        with house.db.write() as tx:
            person = _member_of(tx, member, person_id)
            operations.add_member(
                tx,
                shop=member.shop,
                person=person,
                role=_role(data.get("role", "")),
                actor=member.actor,
                now=house.real_now(),
            )
    except NotFound:
        raise
    except Refusal as refusal:
        return _page(request, house, member, Form({}, error=refusal), status=refusal.status)
    return _back(member, N_("The role of {name} has changed."), person)


@post("/shops/{shop:str}/settings/people/{person_id:str}/remove", opt=_OPT, sync_to_thread=True)
def remove_person(
    request: AnyRequest, house: House, member: Member, person_id: str
) -> Response[Any]:
    """Take a person out of the shop; their sessions end."""
    try:
        with house.db.write() as tx:
            person = _member_of(tx, member, person_id)
            operations.remove_member(
                tx, shop=member.shop, person=person, actor=member.actor, now=house.real_now()
            )
    except NotFound:
        raise
    except Refusal as refusal:
        return _page(request, house, member, Form({}, error=refusal), status=refusal.status)
    return _back(member, N_("{name} no longer belongs to the shop."), person)


def _known_or_new(
    tx: Connection, house: House, member: Member, data: dict[str, str], password: str
) -> tuple[Person, bool]:
    try:
        return queries.person_by_email(tx, email=data.get("email", "")), False
    except NotFound:
        person = operations.create_person(
            tx,
            email=data.get("email", ""),
            name=data.get("name", ""),
            password=password,
            language=member.person.language,
            actor=member.actor,
            now=house.real_now(),
        )
        return person, True


def _member_of(tx: Connection, member: Member, person_id: str) -> Person:
    wanted = inward("per", person_id)
    for each in queries.members_of(tx, shop=member.shop):
        if each.person.id == wanted:
            if wanted == member.person.id:
                raise NotYourself
            return each.person
    raise NotFound(what="member", key=person_id[:60])


def _role(value: str) -> Role:
    try:
        return Role(value)
    except ValueError:
        raise UnknownRole(value=value[:40]) from None


def _back(member: Member, message: str, person: Person) -> Response[Any]:
    text = translate(message, member.person.language).format(name=person.name)
    return render.see_other(f"/shops/{member.shop.slug}/settings/people", message=text)


def _page(
    request: AnyRequest,
    house: House,
    member: Member,
    form: Form,
    *,
    status: int = 200,
    added: Person | None = None,
    first: tuple[Person, str] | None = None,
) -> Response[str]:
    with house.db.read() as tx:
        people = queries.members_of(tx, shop=member.shop)
    return render.page(
        request,
        "settings/people.html",
        member=member,
        status=status,
        sections=sections(member),
        people=people,
        form=form,
        added=added,
        first=first,
    )


routes = [settings_start, people_page, add_person, change_role, remove_person]

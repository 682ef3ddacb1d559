"""Settings, people: who belongs to the shop, in which role."""

from typing import Any

from litestar import Response, get, post
from sqlalchemy import Connection

from springtide.bootstrap import House
from springtide.domain.access import operations, queries
from springtide.domain.access.act import Act
from springtide.domain.access.model import Data, Member, Needs, Permission, Person, Role, reading
from springtide.flows.people import invitations
from springtide.kit.errors import N_, Invalid, NotFound, Refusal
from springtide.kit.i18n import translate
from springtide.kit.ids import inward
from springtide.web.frame import render
from springtide.web.frame.forms import AnyRequest, Form, Typed
from springtide.web.settings import sections

_OPT = {"access": reading(Data.TEAM)}
_WRITE = {"access": Needs(Permission.SETTINGS_WRITE, fresh=True)}
_INVITATION = "/shops/{shop:str}/settings/people/invitations/{invitation:str}"


class UnknownRole(Refusal):
    """A role that shops do not have."""

    code = "unknown_role"
    text = N_("“{value}” is not a role.")


@get("/shops/{shop:str}/settings", opt=_OPT, sync_to_thread=False)
def settings_start(member: Member) -> Response[Any]:
    """Go to the first section."""
    return render.see_other(f"/shops/{member.shop.slug}/settings/people")


@get("/shops/{shop:str}/settings/people", opt=_OPT, sync_to_thread=True)
def people_page(request: AnyRequest, house: House, member: Member) -> Response[str]:
    """Show the people of the shop, the open invitations, and the form that invites."""
    return _page(request, house, member, Form())


@post("/shops/{shop:str}/settings/people", opt=_WRITE, sync_to_thread=True)
def invite_person(request: AnyRequest, house: House, member: Member, data: Typed) -> Response[Any]:
    """Invite an address; the answer is the same whether or not it has an account."""
    try:
        invited = invitations.invite(
            house,
            member.shop,
            email=data.get("email", ""),
            role=_role(data.get("role", "")),
            actor=member.actor,
            language=member.person.language,
        )
    except operations.BadEmail as refusal:
        form = Form.refused(data, Invalid({"email": refusal}))
        return _page(request, house, member, form, status=refusal.status)
    except Refusal as refusal:
        return _page(request, house, member, Form.refused(data, refusal), status=refusal.status)
    return _page(request, house, member, Form(), invited=invited)


@post(_INVITATION + "/again", opt=_WRITE, sync_to_thread=True)
def invite_again(
    request: AnyRequest, house: House, member: Member, invitation: str
) -> Response[Any]:
    """Make a new link for an open invitation; the old one is over."""
    try:
        invited = invitations.invite_again(
            house,
            member.shop,
            invitation_id=inward("inv", invitation),
            actor=member.actor,
            language=member.person.language,
        )
    except NotFound:
        raise
    except Refusal as refusal:
        return _page(request, house, member, Form({}, error=refusal), status=refusal.status)
    return _page(request, house, member, Form(), invited=invited)


@post(_INVITATION + "/withdraw", opt=_WRITE, sync_to_thread=True)
def withdraw_invitation(house: House, member: Member, invitation: str) -> Response[Any]:
    """Make an invitation's link useless."""
    gone = house.db.run(
        lambda tx: operations.withdraw_invitation(
            Act.of(tx, member.shop, member.actor), invitation_id=inward("inv", invitation)
        )
    )
    return _back(member, N_("The invitation of {name} is withdrawn."), gone.email)


@post("/shops/{shop:str}/settings/people/{person_id:str}/role", opt=_WRITE, sync_to_thread=True)
def change_role(
    request: AnyRequest, house: House, member: Member, person_id: str, data: Typed
) -> Response[Any]:
    """Give a person of the shop, oneself too, another role."""
    try:

        def work(tx: Connection) -> Person:
            person = _member_of(tx, member, person_id)
            operations.add_member(
                Act.of(tx, member.shop, member.actor),
                person=person,
                role=_role(data.get("role", "")),
            )
            return person

        person = house.db.run(work)
    except NotFound:
        raise
    except Refusal as refusal:
        return _page(request, house, member, Form({}, error=refusal), status=refusal.status)
    if person.id == member.person.id:
        # Perhaps no longer an owner, who may open this page.
        return render.see_other(f"/shops/{member.shop.slug}")
    return _back(member, N_("The role of {name} has changed."), person.name)


@post("/shops/{shop:str}/settings/people/{person_id:str}/remove", opt=_WRITE, sync_to_thread=True)
def remove_person(
    request: AnyRequest, house: House, member: Member, person_id: str
) -> Response[Any]:
    """Take a person, perhaps oneself, out of the shop; their other shops stay as they are."""
    try:

        def work(tx: Connection) -> Person:
            person = _member_of(tx, member, person_id)
            operations.remove_member(Act.of(tx, member.shop, member.actor), person=person)
            return person

        person = house.db.run(work)
    except NotFound:
        raise
    except Refusal as refusal:
        return _page(request, house, member, Form({}, error=refusal), status=refusal.status)
    if person.id == member.person.id:
        return render.see_other("/shops")
    return _back(member, N_("{name} no longer belongs to the shop."), person.name)


def _member_of(tx: Connection, member: Member, person_id: str) -> Person:
    wanted = inward("per", person_id)
    for each in queries.members_of(tx, shop=member.shop):
        if each.person.id == wanted:
            return each.person
    raise NotFound(what="member", key=person_id[:60])


def _role(value: str) -> Role:
    try:
        return Role(value)
    except ValueError:
        raise UnknownRole(value=value[:40]) from None


def _back(member: Member, message: str, name: str) -> Response[Any]:
    text = translate(message, member.person.language).format(name=name)
    return render.see_other(f"/shops/{member.shop.slug}/settings/people", message=text)


def _page(
    request: AnyRequest,
    house: House,
    member: Member,
    form: Form,
    *,
    status: int = 200,
    invited: invitations.Invited | None = None,
) -> Response[str]:
    with house.db.read() as tx:
        people = queries.members_of(tx, shop=member.shop)
        waiting = queries.invitations_of(tx, shop_id=member.shop.id)
    return render.page(
        request,
        "settings/people.html",
        member=member,
        status=status,
        sections=sections(member),
        people=people,
        waiting=waiting,
        real_now=house.real_now(),
        days=operations.INVITATION_DAYS,
        has_mail=house.settings.has_mail_server,
        form=form,
        invited=invited,
    )


routes = [
    settings_start,
    people_page,
    invite_person,
    invite_again,
    withdraw_invitation,
    change_role,
    remove_person,
]

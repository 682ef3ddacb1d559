"""`springtide people`: who belongs to a shop, and who is invited."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection

    from springtide.bootstrap import House
    from springtide.domain.access.model import Actor, Member, Role, Shop

app = typer.Typer(
    no_args_is_help=True,
    help="The people of a shop: list them, invite, change roles, take out.\n\n"
    "Example: `springtide people invite --shop tide mei@example.com --role design`",
)

ShopName = Annotated[str, typer.Option("--shop", help="The shop's short name.")]
Address = Annotated[str, typer.Argument(help="E-mail address.")]
RoleName = Annotated[
    str, typer.Option("--role", help="owner, operations, customer_service, design or warehouse.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("list")
def list_people(shop: ShopName, as_json: AsJson = False) -> None:
    """Print who belongs to the shop, and the open invitations."""
    from springtide.domain.access import queries

    with _opened(shop) as (house, found):
        with house.db.read() as tx:
            people = queries.members_of(tx, shop=found)
            waiting = queries.invitations_of(tx, shop_id=found.id)
        now = house.real_now()
    if as_json:
        members = [
            {"email": each.person.email, "name": each.person.name, "role": each.role}
            for each in people
        ]
        invited: list[dict[str, Any]] = [
            {
                "email": each.email,
                "role": each.role,
                "expires_at": each.expires_at.isoformat(),
                "sent": each.sent_at is not None,
            }
            for each in waiting
        ]
        print(json.dumps({"people": members, "invitations": invited}))
        return
    for member in people:
        print(f"{member.role:<17} {member.person.email}  {member.person.name}")
    for each in waiting:
        state = "has run out" if each.expires_at <= now else f"until {each.expires_at:%Y-%m-%d}"
        print(f"{each.role:<17} {each.email}  invited, {state}")


@app.command()
def invite(
    shop: ShopName,
    email: Address,
    role: RoleName = "operations",
    show_link: Annotated[
        bool, typer.Option("--show-link", help="Print the link instead of sending it by mail.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Invite an address: by mail where a mail server is set, else the link is printed once.

    An address that is invited already gets a new link, and the old one is over.
    """
    from springtide.flows.people import invitations
    from springtide.kit.errors import PassingError

    with _opened(shop) as (house, found):
        invited = invitations.invite(
            house,
            found,
            email=email,
            role=_role(role),
            actor=_actor(),
            language="zh" if found.currency == "CNY" else "en",
            by_hand=show_link,
        )
    if invited.trouble:
        raise PassingError(
            f"the letter did not go ({invited.trouble}); the invitation stands: "
            "use --show-link, or try again"
        )
    if as_json:
        print(json.dumps({"email": invited.invitation.email, "link": invited.link}))
    elif invited.link:
        print(f"Link for {invited.invitation.email}, shown only now, good once: {invited.link}")
    else:
        print(f"Sent to {invited.invitation.email}.")


@app.command()
def withdraw(shop: ShopName, email: Address) -> None:
    """Make the open invitation of an address useless."""
    from springtide.domain.access import operations, queries
    from springtide.domain.access.act import Act
    from springtide.kit.errors import NotFound

    with _opened(shop) as (house, found), house.db.write() as tx:
        wanted = email.strip().lower()
        for each in queries.invitations_of(tx, shop_id=found.id):
            if each.email == wanted:
                operations.withdraw_invitation(Act.of(tx, found, _actor()), invitation_id=each.id)
                break
        else:
            raise NotFound(what="invitation", key=email[:254])
    print(f"The invitation of {wanted} is withdrawn.")


@app.command()
def role(shop: ShopName, email: Address, role: RoleName) -> None:
    """Give a person of the shop another role; the last owner stays one."""
    from springtide.domain.access import operations
    from springtide.domain.access.act import Act

    wanted = _role(role)
    with _opened(shop) as (house, found), house.db.write() as tx:
        member = _member(tx, found, email)
        operations.add_member(Act.of(tx, found, _actor()), person=member.person, role=wanted)
    print(f"{member.person.email}: {wanted}")


@app.command()
def remove(shop: ShopName, email: Address) -> None:
    """Take a person out of this shop; their other shops stay as they are."""
    from springtide.domain.access import operations
    from springtide.domain.access.act import Act

    with _opened(shop) as (house, found), house.db.write() as tx:
        member = _member(tx, found, email)
        operations.remove_member(Act.of(tx, found, _actor()), person=member.person)
    print(f"{member.person.email} no longer belongs to {found.slug}.")


@app.command()
def erase(
    email: Address,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask: it cannot be taken back.")
    ] = False,
) -> None:
    """Erase a person of the team, in all shops: who they were goes, what they did stays."""
    from springtide.bootstrap import open_house
    from springtide.domain.access import operations, queries
    from springtide.settings import read_settings

    if not yes:
        typer.confirm(f"Erase {email} for good?", abort=True, err=True)
    house = open_house(read_settings())
    try:
        with house.db.write() as tx:
            person = queries.person_by_email(tx, email=email)
            name = operations.erase_person(tx, person=person, actor=_actor(), now=house.real_now())
    finally:
        house.close()
    print(f"Erased. In the audit log they are “{name}” now.")


def _opened(slug: str) -> "AbstractContextManager[tuple[House, Shop]]":
    from contextlib import contextmanager

    from springtide.bootstrap import open_house
    from springtide.domain.access.queries import shop_by_slug
    from springtide.settings import read_settings

    @contextmanager
    def opened() -> "Iterator[tuple[House, Shop]]":
        house = open_house(read_settings())
        try:
            with house.db.read() as tx:
                found = shop_by_slug(tx, slug=slug)
            yield house, found
        finally:
            house.close()

    return opened()


def _member(tx: "Connection", shop: "Shop", email: str) -> "Member":
    from springtide.domain.access.queries import members_of
    from springtide.kit.errors import NotFound

    wanted = email.strip().lower()
    for each in members_of(tx, shop=shop):
        if each.person.email == wanted:
            return each
    raise NotFound(what="member", key=email[:254])


def _role(value: str) -> "Role":
    from springtide.domain.access.model import Role

    try:
        return Role(value)
    except ValueError:
        raise typer.BadParameter(f"“{value[:40]}” is not a role", param_hint="--role") from None


def _actor() -> "Actor":
    from springtide.domain.access.model import Actor

    return Actor("command", "people", "springtide people")

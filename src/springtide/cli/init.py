"""`springtide init`: the data folder, the database, the first shop and its owner."""

import json
import os
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from springtide.bootstrap import House
    from springtide.domain.access.model import Shop

EXAMPLES = """\
Create the data folder, the database, a first shop and its owner.

Doing it again changes nothing that exists. The owner types their password; or it comes from
SPRINGTIDE_OWNER_PASSWORD. Where nobody can be asked, and where the address has an account already,
a link is printed once with which the owner takes the shop up (springtide people makes a new one).

Example: `springtide init --shop tide --name "Tide" --currency CNY --zone Asia/Shanghai
--owner-email li@example.com`
"""


def register(root: typer.Typer) -> None:
    """Add the command."""
    root.command("init", help=EXAMPLES)(init)


def init(
    shop: Annotated[str, typer.Option(help="Short name in addresses: a-z, 0-9 and -.")] = "shop",
    name: Annotated[str, typer.Option(help="The shop's name.")] = "My shop",
    currency: Annotated[str, typer.Option(help="ISO 4217 code.")] = "CNY",
    zone: Annotated[str, typer.Option(help="IANA time zone.")] = "Asia/Shanghai",
    owner_email: Annotated[str | None, typer.Option(help="Whom to make owner.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Create what is missing."""
    from springtide.bootstrap import open_house
    from springtide.settings import read_settings

    house = open_house(read_settings())
    try:
        done = set_up(
            house,
            slug=shop,
            name=name,
            currency=currency,
            zone=zone,
            owner_email=owner_email,
            may_ask=not as_json and os.isatty(0),
        )
    finally:
        house.close()
    if as_json:
        print(json.dumps(done))
        return
    print(f"Data folder: {done['data']}")
    print(f"Shop: {shop}" + (" (new)" if done["shop_created"] else " (was there already)"))
    if owner_email:
        print(f"Owner: {owner_email}" + (" (new)" if done["owner_created"] else ""))
    if done["invitation"]:
        print(f"Link to take the shop up, shown only now, good once: {done['invitation']}")


def set_up(
    house: "House",
    *,
    slug: str,
    name: str,
    currency: str,
    zone: str,
    owner_email: str | None,
    may_ask: bool,
) -> dict[str, object]:
    """Create the shop and its owner where they are missing; tell what was created."""
    from springtide.domain.access import operations, queries
    from springtide.domain.access.model import Actor
    from springtide.kit.errors import NotFound

    actor, now = Actor("command", "init", "springtide init"), house.real_now()
    done: dict[str, object] = {
        "data": str(house.settings.data),
        "shop": slug,
        "shop_created": False,
        "owner": owner_email,
        "owner_created": False,
        "invitation": None,
    }
    password = _password(house, owner_email, may_ask)
    with house.db.write() as tx:
        try:
            kept = queries.shop_by_slug(tx, slug=slug)
        except NotFound:
            kept = operations.create_shop(
                tx,
                slug=slug,
                name=name,
                currency=currency,
                zone_name=zone,
                actor=actor,
                now=now,
            )
            done["shop_created"] = True
        if owner_email and password:
            _add_owner(tx, kept, owner_email, password, house)
            done["owner_created"] = True
    if owner_email and not password:
        done["invitation"] = _invite_owner(house, kept, owner_email)
    return done


def _password(house: "House", email: str | None, may_ask: bool) -> str | None:
    """Return the password that a new owner chose, or None where nobody is there to choose one."""
    from springtide.domain.access import queries
    from springtide.kit.errors import NotFound

    if email is None:
        return None
    with house.db.read() as tx:
        try:
            queries.person_by_email(tx, email=email)
        except NotFound:
            pass
        else:
            return None
    given = os.environ.get("SPRINGTIDE_OWNER_PASSWORD")
    if not given and may_ask:
        given = typer.prompt(
            f"Password for {email}", hide_input=True, confirmation_prompt=True, err=True
        )
    return given or None


def _add_owner(tx: "Connection", shop: "Shop", email: str, password: str, house: "House") -> None:
    from springtide.domain.access import operations
    from springtide.domain.access.act import Act
    from springtide.domain.access.model import Actor, Role

    actor, now = Actor("command", "init", "springtide init"), house.real_now()
    person = operations.create_person(
        tx,
        email=email,
        name=email.partition("@")[0],
        password=password,
        language="zh" if shop.currency == "CNY" else "en",
        actor=actor,
        now=now,
    )
    operations.add_member(Act(tx, shop, actor, now, now), person=person, role=Role.OWNER)


def _invite_owner(house: "House", shop: "Shop", email: str) -> str | None:
    """Return a link for the owner, or None for one who is in or invited already."""
    from springtide.domain.access import queries
    from springtide.domain.access.model import Actor, Role
    from springtide.flows.people import invitations

    wanted = email.strip().lower()
    with house.db.read() as tx:
        known = {each.person.email for each in queries.members_of(tx, shop=shop)}
        known |= {each.email for each in queries.invitations_of(tx, shop_id=shop.id)}
    if wanted in known:
        return None
    invited = invitations.invite(
        house,
        shop,
        email=email,
        role=Role.OWNER,
        actor=Actor("command", "init", "springtide init"),
        language="zh" if shop.currency == "CNY" else "en",
        by_hand=True,
    )
    return invited.link

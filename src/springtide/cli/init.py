"""`springtide init`: the data folder, the database, the first shop and its owner."""

import json
import os
import secrets
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from springtide.bootstrap import House
    from springtide.domain.access.model import Shop

EXAMPLES = """\
Create the data folder, the database, a first shop and its owner.

Doing it again changes nothing that exists. The owner's password comes from
SPRINGTIDE_OWNER_PASSWORD, or is asked for; where nobody can be asked, one is made and printed once.

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
    if done["password"]:
        print(f"Password, shown only now: {done['password']}")


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
        "password": None,
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
        if owner_email:
            done["owner_created"] = password is not None
            done["password"] = _add_owner(tx, kept, owner_email, password, house)
    return done


def _password(house: "House", email: str | None, may_ask: bool) -> tuple[str, bool] | None:
    """Return the new owner's password and whether we made it; None where they are known."""
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
    return (given, False) if given else (secrets.token_urlsafe(12), True)


def _add_owner(
    tx: "Connection",
    shop: "Shop",
    email: str,
    password: tuple[str, bool] | None,
    house: "House",
) -> str | None:
    from springtide.domain.access import operations, queries
    from springtide.domain.access.model import Actor, Role

    actor, now = Actor("command", "init", "springtide init"), house.real_now()
    if password is None:
        person = queries.person_by_email(tx, email=email)
    else:
        person = operations.create_person(
            tx,
            email=email,
            name=email.partition("@")[0],
            password=password[0],
            language="zh" if shop.currency == "CNY" else "en",
            actor=actor,
            now=now,
        )
    operations.add_member(tx, shop=shop, person=person, role=Role.OWNER, actor=actor, now=now)
    return password[0] if password and password[1] else None

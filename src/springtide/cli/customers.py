"""`springtide customers`: what is held of one, and erasing one who asks for it."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from springtide.bootstrap import House
    from springtide.domain.access.model import Shop

app = typer.Typer(
    no_args_is_help=True,
    help="What is held of a customer, and erasing one who asks for it.\n\n"
    "Example: `springtide customers erase --shop tide c-1042`",
)

ShopName = Annotated[str, typer.Option("--shop", help="The shop's short name.")]
Key = Annotated[str, typer.Argument(help="The customer's key.")]


@app.command()
def held(
    shop: ShopName,
    key: Key,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A new file; else it is printed.")
    ] = None,
) -> None:
    """Give all that is kept of a customer, as JSON."""
    from springtide.domain.customers.queries import customer
    from springtide.flows.people.erasure import held as all_held

    house, found = _opened(shop)
    try:
        with house.db.read() as tx:
            person = customer(tx, shop_id=found.id, key=key)
        document = {
            "key": person.key,
            "name": person.name,
            "email": person.email,
            "attributes": person.attributes,
            "held": all_held(house, found, key=key),
        }
    finally:
        house.close()
    text = json.dumps(document, ensure_ascii=False, indent=1, default=str)
    if output is None:
        print(text)
        return
    with output.open("x", encoding="utf-8") as file:
        file.write(text + "\n")
    print(f"Written: {output}")


@app.command()
def erase(
    shop: ShopName,
    key: Key,
    block: Annotated[
        bool,
        typer.Option("--block", help="Keep a hash that holds whoever has this key off outreach."),
    ] = False,
    yes: Annotated[
        bool, typer.Option("--yes", help="Do not ask: it cannot be taken back.")
    ] = False,
) -> None:
    """Erase a customer for good: contact details and key go everywhere, sums stay."""
    from springtide.domain.access.model import Actor
    from springtide.flows.people.erasure import ask

    if not yes:
        typer.confirm(f"Erase {key} for good?", abort=True, err=True)
    house, found = _opened(shop)
    try:
        actor = Actor("command", "customers", "springtide customers")
        done = ask(house, found, key=key, block=block, actor=actor, at_once=True)
    finally:
        house.close()
    print(f"Erased ({done.key}). Backups made before still hold the customer: delete them in time.")


def _opened(slug: str) -> "tuple[House, Shop]":
    from springtide.bootstrap import open_house
    from springtide.domain.access.queries import shop_by_slug
    from springtide.settings import read_settings

    house = open_house(read_settings())
    try:
        with house.db.read() as tx:
            return house, shop_by_slug(tx, slug=slug)
    except BaseException:
        house.close()
        raise

"""`springtide campaign`: list, show, create and schedule campaigns; price a cart."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from springtide.bootstrap import House
    from springtide.domain.access.model import Actor, Shop
    from springtide.domain.campaigns.model import Campaign
    from springtide.domain.pricing.explain import Explained
    from springtide.domain.pricing.model import CartLine

app = typer.Typer(help="Plan campaigns and price carts.", no_args_is_help=True)

Slug = Annotated[str, typer.Option("--shop", help="The shop's short name.")]
Key = Annotated[str, typer.Argument(metavar="CAMPAIGN", help="Its id: cmp_…")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command("list")
def list_campaigns(shop: Slug, as_json: AsJson = False) -> None:
    """List a shop's campaigns, the latest day first.

    Example: `springtide campaign list --shop demo`
    """
    from springtide.domain.campaigns.queries import campaigns

    with _house() as house, house.db.read() as tx:
        found = _shop(tx, shop)
        now = house.now(found)
        documents = [_document(each, now) for each in campaigns(tx, shop_id=found.id)]
    if as_json:
        print(json.dumps({"campaigns": documents}, ensure_ascii=False))
        return
    for each in documents:
        print(f"{each['id']}  {each['day']}  {each['status']:<10} {each['name']}")
    if not documents:
        print(f"No campaign yet: springtide campaign create --shop {shop} --help")


@app.command()
def show(key: Key, shop: Slug, as_json: AsJson = False) -> None:
    """Show a campaign: phases, goals, heroes, rules, tasks, timeline.

    Example: `springtide campaign show cmp_… --shop demo --json`
    """
    from springtide.domain.campaigns.queries import campaign_tasks
    from springtide.domain.pricing.queries import campaign_rules
    from springtide.flows.timeline.planning import actions_of
    from springtide.flows.timeline.waiving import held_back

    with _house() as house, house.db.read() as tx:
        found = _shop(tx, shop)
        campaign = _campaign(tx, found, key)
        document = _document(campaign, house.now(found))
        actions = actions_of(tx, shop_id=found.id, campaign_id=campaign.id)
        held = held_back(tx, campaign_id=campaign.id)
        rules = campaign_rules(tx, shop_id=found.id, campaign_id=campaign.id)
        tasks = campaign_tasks(tx, shop_id=found.id, campaign_id=campaign.id)
    document["rules"] = [
        {"kind": each.kind, "version": each.version, "active": each.is_active, **each.params}
        for each in rules
    ]
    document["tasks"] = [
        {
            "id": each.key,
            "title": each.title,
            "role": each.role.value,
            "due_at": campaign.resolve(each.due).isoformat(),
            "done": each.done_at is not None,
            "must_be_done_before": each.gate,
        }
        for each in tasks
    ]
    document["actions"] = [
        {
            "kind": each.kind,
            "due_at": each.due_at.isoformat(),
            "state": each.state.value,
            "waits_for": " ".join(hold.name for hold in held.get(each.id, ())) or None,
        }
        for each in actions
    ]
    _print(document, as_json)


@app.command()
def create(
    shop: Slug,
    name: Annotated[str, typer.Option(help="What the sale is called.")],
    day: Annotated[
        datetime, typer.Option(formats=["%Y-%m-%d"], help="The sale day in the shop's zone.")
    ],
    money: Annotated[str, typer.Option(help="Goal of paid money, such as 100000.00.")] = "0",
    buyers: Annotated[int, typer.Option(min=0, help="Goal of buyers.")] = 0,
    units: Annotated[int, typer.Option(min=0, help="Goal of units.")] = 0,
    language: Annotated[str, typer.Option(help="Language of the template: en or zh.")] = "en",
    as_json: AsJson = False,
) -> None:
    """Plan a campaign from the template.

    Example: `springtide campaign create --shop demo --name "618" --day 2018-06-18 --money 50000`
    """
    from springtide.domain.access.act import Act
    from springtide.domain.campaigns.model import Goals
    from springtide.domain.campaigns.operations import create_campaign
    from springtide.kit.money import parse_minor

    with _house() as house, house.db.write() as tx:
        found = _shop(tx, shop)
        now = house.now(found)
        made = create_campaign(
            Act.of(tx, found, _actor(), now),
            name=name,
            day=day.date(),
            goals=Goals(parse_minor(money, found.currency), buyers, units),
            language=language,
        )
        document = _document(made, now)
    _print(document, as_json)


@app.command()
def schedule(key: Key, shop: Slug, as_json: AsJson = False) -> None:
    """Put a campaign's actions on the timeline; the worker carries them out.

    Example: `springtide campaign schedule cmp_… --shop demo`
    """
    from springtide.domain.access.act import Act
    from springtide.flows.timeline import planning

    with _house() as house, house.db.write() as tx:
        found = _shop(tx, shop)
        campaign = _campaign(tx, found, key)
        actions = planning.schedule(Act.of(tx, found, _actor()), campaign=campaign)
    rows = [
        {"kind": each.kind, "due_at": each.due_at.isoformat(), "state": each.state.value}
        for each in actions
    ]
    _print({"id": key, "actions": rows}, as_json)


@app.command()
def price(
    cart: Annotated[
        list[str], typer.Argument(metavar="PRODUCT=COUNT…", help="Or one JSON file of a cart.")
    ],
    shop: Slug,
    campaign: Annotated[
        str | None, typer.Option(help="As during this campaign; else as it is now.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Price a cart and say how the price was made.

    A JSON file holds {"lines": [{"product_key": "866211", "quantity": 2}]}.
    Examples: `springtide campaign price 866211=2 1082185=1 --shop demo --campaign cmp_…`,
    `springtide campaign price cart.json --shop demo --json`
    """
    from springtide.flows.checkout.buyer import Wanted
    from springtide.flows.checkout.place import prepare
    from springtide.flows.claims.standing import standing_by

    lines = tuple(_lines(cart))
    with _house() as house, house.db.read() as tx:
        found = _shop(tx, shop)
        now = house.now(found)
        if campaign is None:
            standing_of = standing_by(house.facts, shop=found, now=now)
            prepared = prepare(
                tx, shop=found, wanted=Wanted(lines), now=now, standing_of=standing_of
            )
            explained = prepared.explain()
        else:
            explained = _as_during(tx, found, campaign, lines)
    if as_json:
        print(explained.decision.to_json())
    else:
        _print_decision(explained)


def _as_during(
    tx: "Connection", shop: "Shop", key: str, lines: "tuple[CartLine, ...]"
) -> "Explained":
    import msgspec

    from springtide.domain.campaigns.queries import sale_prices
    from springtide.domain.pricing.explain import explain
    from springtide.domain.pricing.model import Cart
    from springtide.domain.pricing.plan import Plan
    from springtide.domain.pricing.queries import campaign_guards, campaign_rules

    campaign = _campaign(tx, shop, key)
    rules = [
        msgspec.structs.replace(each.active(), starts_at=None, ends_at=None)
        for each in campaign_rules(tx, shop_id=shop.id, campaign_id=campaign.id)
    ]
    guards = campaign_guards(tx, shop_id=shop.id, campaign_ids=[campaign.id])
    plan = Plan(rules, guards=guards, zone=shop.zone_name)
    opens_at = campaign.selling.starts_at
    keys = [*(line.product_key for line in lines), *plan.gift_keys]
    return explain(
        Cart(lines, shop.currency),
        plan=plan,
        book=sale_prices(tx, campaign=campaign, keys=keys, now=opens_at),
        now=opens_at,
    )


def _lines(cart: list[str]) -> "list[CartLine]":
    from springtide.domain.pricing.model import CartLine

    if len(cart) == 1 and "=" not in cart[0]:
        return _file_lines(Path(cart[0]))
    lines = []
    for text in cart:
        key, _, count = text.rpartition("=")
        if not key or not count.isascii() or not count.lstrip("-").isdigit() or len(count) > 12:
            raise typer.BadParameter(f"“{text}” is not PRODUCT=COUNT, such as 866211=2")
        lines.append(CartLine(key, int(count)))
    return lines


def _file_lines(path: Path) -> "list[CartLine]":
    import msgspec

    from springtide.domain.pricing.model import CartLine

    class File(msgspec.Struct):
        lines: list[CartLine]

    try:
        return msgspec.json.decode(path.read_bytes(), type=File).lines
    except (OSError, msgspec.MsgspecError) as error:
        raise typer.BadParameter(f"{path}: {error}") from error


def _print_decision(explained: "Explained") -> None:
    from springtide.domain.pricing.sentences import sentences
    from springtide.kit.money import to_decimal

    decision = explained.decision

    def money(amount_minor: int) -> str:
        return str(to_decimal(amount_minor, decision.currency))

    for line in decision.lines:
        off = f" - {money(line.discount_minor)}" if line.discount_minor else ""
        print(
            f"{line.product_key:>12}  {line.quantity} x {money(line.unit_minor)}{off}"
            f" = {money(line.payable_minor)}"
        )
    for outcome in explained.outcomes:
        said = "; ".join(each.fill(each.text, money) for each in sentences(outcome))
        print(f"{outcome.kind}: {said}")
    if decision.shipping_minor:
        print(f"Shipping: {money(decision.shipping_minor)}")
    print(f"To pay: {money(decision.total_minor)} {decision.currency}")


def _document(campaign: "Campaign", now: datetime) -> dict[str, Any]:
    phases = []
    for phase in campaign.phases:
        window = campaign.window(phase.kind)
        phases.append(
            {
                "kind": phase.kind.value,
                "name": phase.name,
                "starts_at": window.starts_at.isoformat(),
                "ends_at": window.ends_at.isoformat(),
            }
        )
    return {
        "id": campaign.key,
        "name": campaign.name,
        "day": campaign.day.isoformat(),
        "status": campaign.status(now).value,
        "goals": {
            "paid_minor": campaign.goals.paid_minor,
            "buyers": campaign.goals.buyers,
            "units": campaign.goals.units,
        },
        "phases": phases,
        "heroes": {hero.product_key: hero.price_minor for hero in campaign.heroes},
    }


def _print(document: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(document, ensure_ascii=False))
        return
    for name, value in document.items():
        if isinstance(value, list):
            print(f"{name}:")
            for each in value:
                parts = (
                    f"{key} {part}" for key, part in each.items() if not isinstance(part, list)
                )
                print("  " + ", ".join(parts))
        else:
            print(f"{name}: {value}")


@contextmanager
def _house() -> Iterator["House"]:
    from springtide.bootstrap import open_house
    from springtide.settings import read_settings

    house = open_house(read_settings())
    try:
        yield house
    finally:
        house.close()


def _shop(tx: "Connection", slug: str) -> "Shop":
    from springtide.domain.access.queries import shop_by_slug

    return shop_by_slug(tx, slug=slug)


def _campaign(tx: "Connection", shop: "Shop", key: str) -> "Campaign":
    from springtide.domain.campaigns.queries import campaign
    from springtide.kit.ids import inward

    return campaign(tx, shop_id=shop.id, campaign_id=inward("cmp", key))


def _actor() -> "Actor":
    from springtide.domain.access.model import Actor

    return Actor("command", "campaign", "springtide campaign")

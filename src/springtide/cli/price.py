"""`springtide price`: make an order's price again; try a plan on past orders."""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from springtide.bootstrap import House
    from springtide.domain.access.model import Shop
    from springtide.flows.trials.what_if import PlanFile, Progress, Report

app = typer.Typer(help="Replay prices, and try plans on past orders.", no_args_is_help=True)

Slug = Annotated[str, typer.Option("--shop", help="The shop's short name.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@app.command()
def replay(
    order: Annotated[str, typer.Argument(metavar="ORDER", help="The order's key.")],
    shop: Slug,
    as_json: AsJson = False,
) -> None:
    """Make an order's price again from what it was made from; every byte must be the same.

    Exits 1 with the first difference when it is not. Example:
    `springtide price replay A-20251111-0001 --shop demo`
    """
    from springtide.domain.orders.queries import order as order_by_key
    from springtide.domain.pricing.queries import kept_plan
    from springtide.domain.pricing.replay import replay as made_again
    from springtide.flows.checkout.returns import inputs_of_order

    with _house() as house, house.db.read() as tx:
        found = _shop(house, shop)
        placed = order_by_key(tx, shop_id=found.id, key=order)
        inputs, decision = inputs_of_order(placed)
        again = made_again(inputs, kept_plan(tx, shop_id=found.id, digest=inputs.plan))
    kept, made = decision.to_json(), again.to_json()
    is_same = kept == made
    if as_json:
        print(json.dumps({"order": order, "is_same": is_same, "input_hash": again.input_hash}))
    elif is_same:
        print(f"The same, byte for byte ({len(kept.encode()):,} bytes, {again.input_hash[:16]}…).")
    else:
        place = next(i for i, (a, b) in enumerate(zip(kept, made, strict=False)) if a != b)
        print(f"Not the same from byte {place}:")
        print(f"  kept:  …{kept[max(0, place - 40) : place + 60]}…")
        print(f"  again: …{made[max(0, place - 40) : place + 60]}…")
    raise typer.Exit(0 if is_same else 1)


@app.command("what-if")
def what_if_command(
    since: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="First day.")],
    until: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="Last day.")],
    shop: Slug,
    plan: Annotated[Path | None, typer.Option(help="A plan as JSON: prices, rules, guard.")] = None,
    campaign: Annotated[
        str | None, typer.Option(help="Or the prices and rules of this campaign: cmp_…")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Price past orders as if a plan had held then: discount, margin, losers.

    A plan file holds {"prices": {"866211": 299}, "rules": [{"kind": "threshold_ladder", "params":
    {"steps": [{"threshold_minor": 10000, "discount_minor": 1000}]}}]}, money in minor units.
    Example: `springtide price what-if --plan plan.json --from 2017-01-01 --to 2017-03-31
    --shop demo`
    """
    from springtide.domain.pricing.queries import whole_book
    from springtide.flows.trials.what_if import NoOrders, what_if
    from springtide.kit.time import Window, at_wall_time

    if (plan is None) == (campaign is None):
        raise typer.BadParameter("give either --plan FILE or --campaign cmp_…")
    with _house() as house:
        found = _shop(house, shop)
        window = Window(
            at_wall_time(since.date(), time(0), found.tz),
            at_wall_time(until.date() + timedelta(days=1), time(0), found.tz),
        )
        with house.db.read() as tx:
            wanted = _planned(plan) if plan else _of_campaign(house, found, str(campaign))
            book = whole_book(tx, shop_id=found.id)
        with _bar() as progress:
            report = what_if(
                house.facts,
                shop=found,
                plan=wanted.compiled(found.zone_name),
                names=wanted.names(),
                prices=wanted.prices,
                book=book,
                window=window,
                progress=progress,
            )
    if not report.orders + report.skipped:
        raise NoOrders(since=since.date(), until=until.date())
    if as_json:
        import msgspec

        print(json.dumps(msgspec.to_builtins(report), ensure_ascii=False))
    else:
        _print_report(report, found, since.date(), until.date())


def _planned(path: Path) -> "PlanFile":
    import msgspec

    from springtide.flows.trials.what_if import PlanFile

    try:
        return msgspec.json.decode(path.read_bytes(), type=PlanFile)
    except (OSError, msgspec.MsgspecError) as error:
        raise typer.BadParameter(f"{path}: {error}") from error


def _of_campaign(house: "House", shop: "Shop", key: str) -> "PlanFile":
    from springtide.flows.trials.campaign_plan import plan_of_campaign
    from springtide.kit.ids import inward

    with house.db.read() as tx:
        return plan_of_campaign(tx, shop=shop, campaign_id=inward("cmp", key))


@contextmanager
def _bar() -> "Iterator[Progress]":
    """Give a progress function that draws a bar, where a person looks."""
    if not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress("Orders", *columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Orders", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _print_report(report: "Report", shop: "Shop", since: date, until: date) -> None:
    from springtide.kit.money import to_decimal

    def money(amount_minor: int | None) -> str:
        return "-" if amount_minor is None else f"{to_decimal(amount_minor, shop.currency):,}"

    saved = report.before_minor - report.after_minor
    part = f"{saved / report.before_minor:.1%}" if report.before_minor else "-"
    touched = f"{report.touched / report.orders:.1%}" if report.orders else "-"
    print(f"{report.orders:,} orders, {report.lines:,} lines, {since} to {until}")
    print(f"  touched           {report.touched:,} ({touched})")
    print(f"  regular prices    {money(report.before_minor)} {shop.currency}")
    print(f"  under the plan    {money(report.after_minor)}")
    print(f"  given in all      {money(saved)} ({part})")
    print(f"    lower prices    {money(report.price_cut_minor)}")
    print(f"    rules           {money(report.rules_minor)}")
    print(f"  margin            {money(report.margin_before_minor)} -> ", end="")
    print(f"{money(report.margin_after_minor)} ({report.uncosted_lines:,} lines without a cost)")
    print(f"  lines below cost  {report.below_cost_lines:,}")
    print(f"  cut at floors     {money(report.cut_at_floor_minor)}")
    if report.under_floor:
        print(f"  prices under the floor: {', '.join(report.under_floor)}")
    if report.skipped:
        print(f"  {report.skipped:,} orders are larger than a cart may be: left out")
    if report.unproven:
        print(f"  {report.unproven:,} stacks were not proven the best")
    for rule in report.rules:
        print(f"  {rule.name}: {rule.orders:,} orders, {money(rule.amount_minor)}")
    if report.losers:
        print("Products that lose most (regular -> plan, margin -> margin):")
    for each in report.losers:
        print(
            f"  {each.product_key:>12}  {each.pieces:,} pieces  "
            f"{money(each.before_minor)} -> {money(each.after_minor)}  "
            f"{money(each.margin_before_minor)} -> {money(each.margin_after_minor)}"
        )


def _shop(house: "House", slug: str) -> "Shop":
    from springtide.domain.access.queries import shop_by_slug

    with house.db.read() as tx:
        return shop_by_slug(tx, slug=slug)


@contextmanager
def _house() -> "Iterator[House]":
    from springtide.bootstrap import open_house
    from springtide.settings import read_settings

    house = open_house(read_settings())
    try:
        yield house
    finally:
        house.close()

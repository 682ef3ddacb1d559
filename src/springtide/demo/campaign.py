"""The demo's prepared sale: goals, heroes, ladder, letter, timeline."""

from sqlalchemy import Connection

from springtide.demo import history, story
from springtide.domain.access.act import Act
from springtide.domain.access.model import Shop
from springtide.domain.board.model import DayPlan
from springtide.domain.board.queries import Snapshots
from springtide.domain.board.queries.numbers import divided
from springtide.domain.campaigns import operations as campaigns
from springtide.domain.campaigns.model import Campaign, Goals, Hero
from springtide.domain.campaigns.queries import campaign_tasks
from springtide.domain.campaigns.queries import campaigns as campaigns_of
from springtide.domain.campaigns.tasks import tick
from springtide.domain.catalog.queries import products_by_keys
from springtide.domain.outreach import operations as outreach
from springtide.domain.outreach.model import Draft, Segment
from springtide.domain.outreach.queries import outreaches_of, segment_reach
from springtide.domain.pricing.operations import save_rule
from springtide.domain.pricing.queries import book_prices, campaign_rules
from springtide.flows.timeline import planning
from springtide.flows.timeline.action import Surroundings
from springtide.kit.money import share_bps

LETTER_NAME = "New Year Super Day: come back"
LETTER_SUBJECT = "{name}, our New Year Super Day is on Saturday"
LETTER_BODY = """\
Dear {name},

on Saturday, January 6, our New Year Super Day begins at midnight: prices of our best sellers go
down, and the more you buy the more you save: 3 dollars off from 60, 10 off from 169, 20 off
from 299.

See you there: {link}
"""
LETTER_LINK = "https://shop.example/new-year"
# A hero that costs next to nothing draws nobody.
_HERO_MINOR_MIN = 50


def find(house: Surroundings, shop: Shop) -> Campaign | None:
    """Return the prepared sale, where it is there."""
    with house.db.read() as tx:
        found = [each for each in campaigns_of(tx, shop_id=shop.id) if each.name == story.CAMPAIGN]
    return found[0] if found else None


def prepare(house: Surroundings, shop: Shop) -> Campaign:
    """Plan the sale and put it on the timeline; what is there already stays."""
    goals = _goals(house, shop)
    best = history.best_sellers(house.facts, last=story.LAST_DAY, days=56, most=60)
    with house.db.write() as tx:
        stored = [each for each in campaigns_of(tx, shop_id=shop.id) if each.name == story.CAMPAIGN]
        sale = (
            stored[0]
            if stored
            else campaigns.create_campaign(
                Act.of(tx, shop, story.ACTOR, story.BOOK_AT),
                name=story.CAMPAIGN,
                day=story.SALE_DAY,
                goals=goals,
            )
        )
        if not sale.heroes:
            heroes = _heroes(tx, shop, best)
            sale = campaigns.set_heroes(
                Act.of(tx, shop, story.ACTOR, story.BOOK_AT), campaign_id=sale.id, heroes=heroes
            )
        if not campaign_rules(tx, shop_id=shop.id, campaign_id=sale.id):
            steps = [
                {"threshold_minor": threshold, "discount_minor": discount}
                for threshold, discount in story.LADDER
            ]
            save_rule(
                Act.of(tx, shop, story.ACTOR, story.BOOK_AT),
                campaign_id=sale.id,
                rule_id=None,
                kind="threshold_ladder",
                params={"steps": steps},
            )
        planning.schedule(Act.of(tx, shop, story.ACTOR, story.BOOK_AT), campaign=sale)
        _finish_past_tasks(tx, shop, sale)
    _plan_letter(house, shop, sale)
    return sale


def _heroes(tx: Connection, shop: Shop, best: list[str]) -> list[Hero]:
    """Return the best sellers as heroes: no fuel, no two products of one name."""
    book = book_prices(tx, shop_id=shop.id, keys=best)
    products = products_by_keys(tx, shop_id=shop.id, keys=best)
    heroes: dict[str, Hero] = {}
    for key in best:
        product = products.get(key)
        if key not in book or product is None or product.department in story.NO_HEROES:
            continue
        regular_minor = book[key].regular_minor
        if regular_minor >= _HERO_MINOR_MIN and product.name not in heroes:
            price_minor = share_bps(regular_minor, story.HERO_PRICE_BPS)
            heroes[product.name] = Hero(key, max(book[key].floor_minor, price_minor))
    return list(heroes.values())[: story.HEROES]


def _finish_past_tasks(tx: Connection, shop: Shop, sale: Campaign) -> None:
    """Tick what the team had done by the time the demo opens."""
    for task in campaign_tasks(tx, shop_id=shop.id, campaign_id=sale.id):
        if task.done_at is None and task.due.resolve(sale.day, shop.tz) < story.OPENS_AT:
            for item in task.checklist:
                tick(
                    Act.of(tx, shop, story.ACTOR, story.BOOK_AT),
                    campaign_id=sale.id,
                    task_id=task.id,
                    position=item.position,
                    is_done=True,
                )


def _plan_letter(house: Surroundings, shop: Shop, sale: Campaign) -> None:
    with house.db.write() as tx:
        stored = outreaches_of(tx, shop_id=shop.id, campaign_id=sale.id)
        letter = (
            stored[0]
            if stored
            else outreach.create_outreach(
                Act(tx, shop, story.ACTOR, story.BOOK_AT, house.real_now()),
                draft=Draft(
                    name=LETTER_NAME,
                    subject=LETTER_SUBJECT,
                    body=LETTER_BODY,
                    segment=Segment(tiers=story.CONTACTED_TIERS),
                    link=LETTER_LINK,
                    campaign_id=sale.id,
                ),
            )
        )
        # Who gets the letter and who is held out is fixed before it is sent.
        reach = segment_reach(
            tx, reader=house.facts, shop=shop, segment=letter.segment, as_of=story.LAST_DAY
        )
        outreach.freeze_audience(
            Act(tx, shop, story.ACTOR, story.BOOK_AT, house.real_now()),
            outreach_id=letter.id,
            customer_keys=reach.keys,
        )
        planning.plan_outreach(
            Act.of(tx, shop, story.ACTOR, story.BOOK_AT),
            campaign=sale,
            outreach_id=letter.id,
            at=story.LETTER_AT,
        )


def _goals(house: Surroundings, shop: Shop) -> Goals:
    """Return the comparable Saturdays' average times 1.3, rounded to what a person would set."""
    plan = DayPlan(story.SALE_DAY, story.LAST_DAY, {})
    past = Snapshots(house.facts).comparable_days(shop=shop, plan=plan)

    def goal(kind: str, step: int) -> int:
        if not past:
            return 0
        total = sum(day.curves[kind][-1] for day in past)
        average = divided(total * story.GOAL_BPS, len(past) * 10_000)
        return max(1, divided(average, step)) * step

    return Goals(
        paid_minor=goal("paid_money", 100_000),
        buyers=goal("paying_buyers", 10),
        units=goal("units", 100),
    )

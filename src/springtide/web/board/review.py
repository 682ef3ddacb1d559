"""The review: what a sale brought, against the comparable days, and what the next plan inherits."""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from litestar import Request, Response, get, post
from litestar.response import Redirect
from sqlalchemy import Connection

from springtide.bootstrap import House
from springtide.domain.access.act import Act
from springtide.domain.access.model import Member, Needs, Permission
from springtide.domain.board.metrics import METRICS
from springtide.domain.board.plans import plan_of
from springtide.domain.board.queries import Review, review
from springtide.domain.campaigns import operations
from springtide.domain.campaigns.model import Campaign, Goals, PhaseKind
from springtide.domain.campaigns.queries import campaign as read_campaign
from springtide.domain.catalog.queries import products_by_keys
from springtide.domain.orders.model import OrderState
from springtide.domain.orders.queries import orders_page
from springtide.domain.outreach.effect import Effect
from springtide.domain.outreach.model import Outreach
from springtide.domain.outreach.queries import arms, outreach_result, outreaches_of
from springtide.domain.pricing.queries import active_plan, campaign_prices_standing
from springtide.flows.timeline import planning
from springtide.flows.timeline.action import KINDS
from springtide.flows.timeline.model import Action
from springtide.kit.errors import N_
from springtide.kit.i18n import translate
from springtide.kit.ids import inward
from springtide.web.board import figures
from springtide.web.board.board import boards_of
from springtide.web.frame import words
from springtide.web.frame.render import page, see_other, view_of
from springtide.web.frame.words import View

#: The metrics of the table, in this order.
LINES = (
    "paid_money", "paid_orders", "paying_buyers", "units", "visitors", "page_views", "carts",
    "favourites", "orders", "ordered_money", "conversion", "paid_per_buyer", "items_per_order",
    "visitor_value", "new_buyers", "returning_buyers", "refunds",
)  # fmt: skip
#: The next plan's goals are what was reached, and a tenth more.
NEXT_BPS = 11_000
NEXT_AFTER = timedelta(days=28)


@dataclass(frozen=True, slots=True)
class Proof:
    """One thing that a withdrawal puts back, and whether it is back."""

    text: str
    is_back: bool


@get(
    "/shops/{shop:str}/campaigns/{campaign:str}/review",
    opt={"access": Needs(Permission.READ)},
    sync_to_thread=True,
)
def review_page(
    request: Request[Any, Any, Any], house: House, member: Member, campaign: str
) -> Response[Any]:
    """Show the review."""
    shop, now = member.shop, house.now(member.shop)
    with house.db.read() as tx:
        sale = read_campaign(tx, shop_id=shop.id, campaign_id=inward("cmp", campaign))
        sends = outreaches_of(tx, shop_id=shop.id, campaign_id=sale.id)
        effects = [
            (send, outreach_result(house.facts, tx, shop=shop, outreach=send, window=sale.selling))
            for send in sends
            if arms(tx, outreach_id=send.id)
        ]
        actions = planning.actions_of(tx, shop_id=shop.id, campaign_id=sale.id)
        proofs = _proofs(tx, member, sale, house)
        names = _names(tx, member, sale)
    found = _review(request, house, member, sale)
    view = view_of(request, member)
    return page(
        request,
        "board/review.html",
        member=member,
        campaign=sale,
        base=f"/shops/{shop.slug}/campaigns/{sale.key}",
        has_begun=now >= sale.selling.starts_at,
        is_over=now >= sale.selling.ends_at,
        review=found,
        lines=[
            (
                figures.tile(view, shop, kind, found.values[kind], found.window),
                "down" if kind == "refunds" else "up",
            )
            for kind in LINES
        ],
        goals=_goals(view, found),
        radar=_radar(view, found),
        warm_up=[
            figures.tile(view, shop, kind, value, found.warm_up_window)
            for kind, value in found.warm_up.items()
        ],
        effects=effects,
        unmeasured=[send for send in sends if send.id not in {done.id for done, _ in effects}],
        names=names,
        gaps=_gaps(view, found, effects),
        proofs=proofs,
        actions=[(_label(action), action) for action in actions],
    )


@post(
    "/shops/{shop:str}/campaigns/{campaign:str}/review/next",
    opt={"access": Needs(Permission.CAMPAIGNS_WRITE)},
    sync_to_thread=True,
)
def plan_next(
    request: Request[Any, Any, Any], house: House, member: Member, campaign: str
) -> Redirect:
    """Plan the next sale from this one: goals a tenth above what was reached."""
    shop, now = member.shop, house.now(member.shop)
    with house.db.read() as tx:
        sale = read_campaign(tx, shop_id=shop.id, campaign_id=inward("cmp", campaign))
    found = _review(request, house, member, sale)
    view = view_of(request, member)

    def goal(kind: str) -> int:
        return (found.values[kind].amount or 0) * NEXT_BPS // 10_000

    name = translate(N_("After {name}"), view.language).format(name=sale.name)
    head = translate(N_("From the review of {name}:"), view.language).format(name=sale.name)
    note = "\n".join([head, *(f"- {text}" for text in _gaps(view, found, []))])

    def work(tx: Connection) -> Campaign:
        made = operations.create_campaign(
            Act.of(tx, shop, member.actor, now),
            name=name[:120],
            day=now.astimezone(shop.tz).date() + NEXT_AFTER,
            goals=Goals(goal("paid_money"), goal("paying_buyers"), goal("units")),
            language=view.language,
        )
        operations.edit_campaign(
            Act.of(tx, shop, member.actor, now),
            campaign_id=made.id,
            version=made.version,
            draft=replace(operations.draft_of(made), note=note[:4000]),
        )
        return made

    made = house.db.run(work)
    return see_other(
        f"/shops/{shop.slug}/campaigns/{made.key}",
        message=translate(
            N_("Planned from the review; its gaps stand in the note."), view.language
        ),
    )


def _review(
    request: Request[Any, Any, Any], house: House, member: Member, sale: Campaign
) -> Review:
    return review(
        house.facts,
        snapshots=boards_of(request.app.state, house).snapshots,
        shop=member.shop,
        plan=plan_of(sale),
        warm_up=sale.window(PhaseKind.WARM_UP),
        heroes=[hero.product_key for hero in sale.heroes],
    )


def _names(tx: Connection, member: Member, sale: Campaign) -> dict[str, str]:
    keys = [hero.product_key for hero in sale.heroes]
    found = products_by_keys(tx, shop_id=member.shop.id, keys=keys)
    return {key: product.name for key, product in found.items()}


def _goals(view: View, found: Review) -> list[dict[str, Any]]:
    return [
        {
            "label": translate(METRICS[kind].label, view.language),
            "target": figures.written(view, kind, target),
            "reached": figures.written(view, kind, reached),
            "bps": reached * 10_000 // target,
        }
        for kind, (target, reached) in found.goals.items()
    ]


def _radar(view: View, found: Review) -> dict[str, Any] | None:
    """Return the warm-up as percent of its comparable weeks; None without a comparable week."""
    kinds = [kind for kind, value in found.warm_up.items() if value.compared]
    if not kinds:
        return None
    percents = [
        round((found.warm_up[kind].amount or 0) * 100 / (found.warm_up[kind].compared or 1))
        for kind in kinds
    ]
    top = max(150, *percents)
    return {
        "radar": {
            "radius": "52%",
            "center": ["50%", "44%"],
            "indicator": [
                {"name": translate(METRICS[kind].label, view.language), "max": top}
                for kind in kinds
            ],
        },
        "legend": {"bottom": 0, "orient": "vertical"},
        "series": [
            {
                "type": "radar",
                "data": [
                    {
                        "name": translate("This warm-up (% of usual)", view.language),
                        "value": percents,
                        "areaStyle": {"opacity": 0.15},
                    },
                    {
                        "name": translate("Comparable weeks (100%)", view.language),
                        "value": [100] * len(kinds),
                        "lineStyle": {"type": "dashed"},
                    },
                ],
            }
        ],
    }


def _gaps(view: View, found: Review, effects: list[tuple[Outreach, Effect]]) -> list[str]:
    """Return what the next plan can start from, in the reader's language."""

    def say(text: str, **facts: object) -> str:
        return translate(text, view.language).format(**facts)

    def label(kind: str) -> str:
        return translate(METRICS[kind].label, view.language)

    gaps = [
        say(
            N_("{metric} reached {share} of its goal."),
            metric=label(kind),
            share=words.percent(view, reached * 10_000 // target),
        )
        for kind, (target, reached) in found.goals.items()
        if reached < target
    ]
    for kind in found.gaps:
        change = words.change(view, (found.values[kind].change_bps or 0) / 10_000)
        gaps.append(
            say(N_("{metric}: {change} against the usual day."), metric=label(kind), change=change)
        )
    if found.weakest_leg:
        gaps.append(
            say(N_("The warm-up's weakest leg: {metric}."), metric=label(found.weakest_leg))
        )
    weak = sum(
        hero.usual_units is not None and hero.units <= hero.usual_units for hero in found.heroes
    )
    if weak:
        gaps.append(say(N_("{n} heroes sold no more than on a usual day."), n=weak))
    gaps += [
        say(N_("What “{name}” caused cannot be told from chance."), name=send.name)
        for send, effect in effects
        if effect.verdict == "unclear"
    ]
    return gaps


def _proofs(tx: Connection, member: Member, sale: Campaign, house: House) -> list[Proof]:
    """Return whether the withdrawal put everything back, read from what holds now."""
    shop_id, now = member.shop.id, house.now(member.shop)
    prices = campaign_prices_standing(tx, shop_id=shop_id, campaign_id=sale.id)
    plan = active_plan(tx, shop_id=shop_id, zone=member.shop.zone_name, now=now)
    rules = [rule for rule in plan.rules if rule.campaign_key == sale.key]
    unpaid = orders_page(
        tx, shop_id=shop_id, state=OrderState.PLACED, campaign_key=sale.key, limit=1
    )
    return [
        Proof(N_("Campaign prices are gone from the price book"), not prices),
        Proof(N_("Promotion rules are off"), not rules),
        Proof(N_("Unpaid orders are closed"), not unpaid),
    ]


def _label(action: Action) -> str:
    return KINDS[action.kind].label if action.kind in KINDS else action.kind


routes = [review_page, plan_next]

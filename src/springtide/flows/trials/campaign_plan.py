"""A saved campaign as a plan that can be tried: its heroes' prices, its rules, its guard."""

from uuid import UUID

from sqlalchemy import Connection

from springtide.domain.access.model import Shop
from springtide.domain.campaigns.queries import campaign
from springtide.domain.pricing.queries import campaign_rules, terms_of_campaign
from springtide.flows.trials.what_if import PlanFile, PlannedRule


def plan_of_campaign(tx: Connection, *, shop: Shop, campaign_id: UUID) -> PlanFile:
    """Return the prices and rules of a campaign. Raises NotFound."""
    sale = campaign(tx, shop_id=shop.id, campaign_id=campaign_id)
    rules = campaign_rules(tx, shop_id=shop.id, campaign_id=campaign_id)
    return PlanFile(
        prices={hero.product_key: hero.price_minor for hero in sale.heroes},
        rules=tuple(PlannedRule(rule.kind, rule.params, rule.terms, rule.key) for rule in rules),
        guard=terms_of_campaign(tx, shop_id=shop.id, campaign_id=campaign_id).guard,
    )

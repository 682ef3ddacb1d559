"""A campaign's promotion rules: listed by lane, built from their own parameters, tried as typed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from litestar import Response, get, post
from sqlalchemy import Connection

from springtide.bootstrap import House
from springtide.domain.access.act import Act
from springtide.domain.access.model import Member, Needs, Permission
from springtide.domain.campaigns.model import Campaign
from springtide.domain.pricing.book import CampaignTerms, SavedRule
from springtide.domain.pricing.operations import remove_rule, save_campaign_terms, save_rule
from springtide.domain.pricing.queries import (
    campaign_rules,
    terms_of_campaign,
)
from springtide.domain.pricing.rule import LANE_TITLES, LANES, Lane
from springtide.domain.pricing.rules import RULES, read_rule
from springtide.kit.errors import N_, Invalid, NotFound, Refusal
from springtide.kit.i18n import translate
from springtide.web.campaigns.campaign import frame
from springtide.web.campaigns.forms import address, campaign_of
from springtide.web.campaigns.rule_sample import (
    SAMPLE_ROWS,
    refuse_unknown,
    sample_defaults,
    sample_of,
    title_of,
)
from springtide.web.campaigns.rule_terms import (
    BUYER_LISTS,
    PRODUCT_LISTS,
    read_terms,
    values_of_terms,
)
from springtide.web.frame.forms import AnyRequest, Form, Posted
from springtide.web.frame.render import page, see_other, view_of
from springtide.web.frame.struct_fields import (
    CHOICE_TITLES,
    Field,
    at_typed_rows,
    fields_of,
    read_fields,
    read_number,
    rows_shown,
    values_of_fields,
)

_READ = {"access": Needs(Permission.READ)}
_WRITE = {"access": Needs(Permission.PRICES_WRITE)}
_PATH = "/shops/{shop:str}/campaigns/{campaign:str}/rules"
GUARD_MODES = {
    "allow": N_("Allow"),
    "warn": N_("Warn"),
    "refuse": N_("Refuse the stack"),
}
RETURN_POLICIES = {
    "keep": N_("Keep the shares of the sale"),
    "reprice": N_("Price what is kept again"),
    "charge_back": N_("Charge missed discounts back"),
}
_PERCENT = Field("guard_margin", "", "percent", is_needed=True)


@dataclass(frozen=True, slots=True)
class RuleRow:
    """One rule in the list: what it is called, and its parameters in words."""

    rule: SavedRule
    title: str
    kind_title: str
    facts: list[tuple[str, str]]


@get(_PATH, opt=_READ, sync_to_thread=True)
def rules_page(request: AnyRequest, house: House, member: Member, campaign: str) -> Response[Any]:
    """Show the rules by lane, the kinds to choose from, guard and policy of returns."""
    with house.db.read() as tx:
        found = campaign_of(tx, member, campaign)
    return _list(request, house, member, found, Form())


@post(f"{_PATH}/terms", opt=_WRITE, sync_to_thread=True)
def terms_save(
    request: AnyRequest, house: House, member: Member, campaign: str, data: Posted
) -> Response[Any]:
    """Save the campaign's guard of the margin and its policy of returns."""
    shop = member.shop
    with house.db.read() as tx:
        found = campaign_of(tx, member, campaign)
    try:
        terms = _typed_campaign_terms(data, shop.currency)
        house.db.run(
            lambda tx: save_campaign_terms(
                Act.of(tx, shop, member.actor), campaign_id=found.id, terms=terms
            )
        )
    except Refusal as refusal:
        return _list(request, house, member, found, Form.refused(data, refusal), status=422)
    return _back(request, member, found, N_("Guard and returns saved."))


@get(f"{_PATH}/new", opt=_READ, sync_to_thread=True)
def rule_new(
    request: AnyRequest, house: House, member: Member, campaign: str, kind: str = ""
) -> Response[Any]:
    """Show the empty form of a kind."""
    refuse_unknown(kind)
    with house.db.read() as tx:
        found = campaign_of(tx, member, campaign)
    return _form(request, house, member, found, kind, None, Form())


@get(f"{_PATH}/{{rule:str}}", opt=_READ, sync_to_thread=True)
def rule_edit(
    request: AnyRequest, house: House, member: Member, campaign: str, rule: str
) -> Response[Any]:
    """Show the form of a saved rule."""
    with house.db.read() as tx:
        found = campaign_of(tx, member, campaign)
        saved = _saved(tx, found, rule)
    return _form(request, house, member, found, saved.kind, saved, Form())


@post(_PATH, opt=_WRITE, sync_to_thread=True)
def rule_save(
    request: AnyRequest, house: House, member: Member, campaign: str, data: Posted
) -> Response[Any]:
    """Save a new rule or the next version of one."""
    shop, kind = member.shop, str(data.get("kind", ""))
    refuse_unknown(kind)
    with house.db.read() as tx:
        found = campaign_of(tx, member, campaign)
        kept = _saved(tx, found, str(data["rule"])) if data.get("rule") else None
    try:
        params = read_fields(fields_of(RULES[kind]), data, shop.currency)
        terms = read_terms(data, shop.currency)
    except Refusal as refusal:
        form = Form.refused(data, refusal)
        return _form(request, house, member, found, kind, kept, form, status=422)
    try:
        house.db.run(
            lambda tx: save_rule(
                Act.of(tx, shop, member.actor),
                campaign_id=found.id,
                rule_id=kept.id if kept else None,
                kind=kind,
                params=params,
                terms=terms,
            )
        )
    except Refusal as refusal:
        if isinstance(refusal, Invalid):
            refusal = Invalid(at_typed_rows(fields_of(RULES[kind]), data, refusal.fields))
        form = Form.refused(data, refusal)
        return _form(request, house, member, found, kind, kept, form, status=422)
    return _back(request, member, found, N_("Rule saved."))


@post(f"{_PATH}/{{rule:str}}/remove", opt=_WRITE, sync_to_thread=True)
def rule_remove(
    request: AnyRequest, house: House, member: Member, campaign: str, rule: str
) -> Response[Any]:
    """Take a rule off the campaign; its versions stay for the decisions made with them."""

    def work(tx: Connection) -> Campaign:
        found = campaign_of(tx, member, campaign)
        remove_rule(
            Act.of(tx, member.shop, member.actor),
            campaign_id=found.id,
            rule_id=_saved(tx, found, rule).id,
        )
        return found

    found = house.db.run(work)
    return _back(request, member, found, N_("Rule removed."))


@post(f"{_PATH}/sample", opt=_READ, sync_to_thread=True)
def rule_sample(
    request: AnyRequest, house: House, member: Member, campaign: str, data: Posted
) -> Response[Any]:
    """Price the sample cart with the rule as it stands in the form, beside the others."""
    with house.db.read() as tx:
        found = campaign_of(tx, member, campaign)
        context = sample_of(tx, house, member, found, data)
    return page(request, "campaigns/_rule_sample.html", member=member, **context)


def _typed_campaign_terms(data: Mapping[str, Any], currency: str) -> CampaignTerms:
    mode, returns = str(data.get("guard_mode", "")), str(data.get("returns", ""))
    text = str(data.get("guard_margin", "")).strip()
    margin = read_number(_PERCENT, text, currency) if text else 0
    document = {"guard": {"mode": mode, "margin_bps": margin}, "returns": returns}
    try:
        return msgspec.convert(document, CampaignTerms)
    except msgspec.ValidationError as error:
        raise Invalid({"guard_margin": BadGuard()}) from error


class BadGuard(Refusal):
    """A guard that is none."""

    code = "bad_guard"
    text = N_("A guard is a margin from 0 to 99%.")


def _list(
    request: AnyRequest,
    house: House,
    member: Member,
    campaign: Campaign,
    form: Form,
    status: int = 200,
) -> Response[Any]:
    shop = member.shop
    with house.db.read() as tx:
        saved = campaign_rules(tx, shop_id=shop.id, campaign_id=campaign.id)
        terms = terms_of_campaign(tx, shop_id=shop.id, campaign_id=campaign.id)
    language = view_of(request, member).language
    lanes: dict[Lane, list[RuleRow]] = {}
    for each in saved:
        lane = read_rule(each.kind, each.params).compiled().lane
        lanes.setdefault(lane, []).append(_row(each, shop.currency))
    return page(
        request,
        "campaigns/campaign_rules.html",
        member=member,
        status=status,
        **frame(member, campaign, campaign.status(house.now(shop)), "rules"),
        lanes=[(LANE_TITLES[lane], lanes[lane]) for lane in LANES if lane in lanes],
        kinds=[(kind, rule.title, rule.about) for kind, rule in RULES.items()],
        form=form,
        guard_modes=_options(GUARD_MODES, language),
        return_policies=_options(RETURN_POLICIES, language),
        terms=terms,
        guard_margin=f"{terms.guard.margin_bps / 100:g}",
    )


def _form(
    request: AnyRequest,
    house: House,
    member: Member,
    campaign: Campaign,
    kind: str,
    saved: SavedRule | None,
    form: Form,
    status: int = 200,
) -> Response[Any]:
    shop = member.shop
    values: dict[str, str] = {}
    if saved is not None:
        values = values_of_fields(fields_of(RULES[kind]), saved.params, shop.currency)
        values |= values_of_terms(saved.terms, shop.currency)
    shown = {**values, **form.values} if form.values else values
    with house.db.read() as tx:
        others = [
            (each.key, title_of(each))
            for each in campaign_rules(tx, shop_id=shop.id, campaign_id=campaign.id)
            if saved is None or each.id != saved.id
        ]
        samples = sample_defaults(tx, campaign)
        typed = {**shown, **samples, "kind": kind if saved or form.values else "",
                 "rule": saved.key if saved else ""}  # fmt: skip
        sample = sample_of(tx, house, member, campaign, typed)
    fields = fields_of(RULES[kind])
    return page(
        request,
        "campaigns/campaign_rule.html",
        member=member,
        status=status,
        **frame(member, campaign, campaign.status(house.now(shop)), "rules"),
        **sample,
        rule=RULES[kind],
        kind=kind,
        saved=saved,
        form=Form(shown, form.errors, form.error),
        fields=fields,
        rows={field.name: rows_shown(field, shown) for field in fields if field.columns},
        choice_titles=CHOICE_TITLES,
        product_lists=PRODUCT_LISTS,
        buyer_lists=BUYER_LISTS,
        others=others,
        lane_names=[(f"lane:{lane.value}", LANE_TITLES[lane]) for lane in LANES],
        samples=samples,
        sample_rows=SAMPLE_ROWS,
    )


def _options(titles: Mapping[str, str], language: str) -> list[tuple[str, str]]:
    return [(value, translate(title, language)) for value, title in titles.items()]


def _row(rule: SavedRule, currency: str) -> RuleRow:
    values = values_of_fields(fields_of(RULES[rule.kind]), rule.params, currency)
    facts: list[tuple[str, str]] = []
    for field in fields_of(RULES[rule.kind]):
        if field.columns:
            steps = [
                " → ".join(
                    f"{values[name]}{'%' if column.unit == 'percent' else ''}"
                    for column in field.columns
                    if values.get(name := f"{field.name}.{row}.{column.name}")
                )
                for row in range(len(rule.params.get(field.name, ())))
            ]
            facts.append((field.title, "; ".join(steps)))
        elif values.get(field.name):
            mark = "%" if field.unit == "percent" else ""
            facts.append(
                (field.title, f"{values[field.name]}{mark}" if not field.is_checkbox else "✓")
            )
    return RuleRow(rule, title_of(rule), RULES[rule.kind].title, facts)


def _saved(tx: Connection, campaign: Campaign, key: str) -> SavedRule:
    for rule in campaign_rules(tx, shop_id=campaign.shop_id, campaign_id=campaign.id):
        if rule.key == key:
            return rule
    raise NotFound(what=N_("rule"), key=key[:60])


def _back(request: AnyRequest, member: Member, campaign: Campaign, message: str) -> Response[Any]:
    text = translate(message, view_of(request, member).language)
    return see_other(address(member, campaign, "rules"), message=text)


routes = [rules_page, terms_save, rule_new, rule_edit, rule_save, rule_remove, rule_sample]

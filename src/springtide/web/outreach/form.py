"""The outreach form: what was typed, to a draft and back, with the live count and preview."""

from collections.abc import Mapping
from typing import Any

from springtide.domain.access.model import Shop
from springtide.domain.outreach.letters import BODY_VARIABLES, SUBJECT_VARIABLES, letter
from springtide.domain.outreach.model import (
    CHANNEL_DEFAULT,
    CONTROL_BPS_DEFAULT,
    BadControlShare,
    Draft,
    Outreach,
    Segment,
)
from springtide.domain.outreach.operations import checked_draft
from springtide.domain.outreach.ports import (
    Letter,
    channels,
)
from springtide.kit.errors import N_, Invalid, Refusal
from springtide.kit.ids import inward, outward
from springtide.kit.money import parse_minor, to_decimal
from springtide.kit.reading import as_typed, count
from springtide.web.frame.forms import BadCount, Form

_COUNTS = ("last_order_days_min", "last_order_days_max", "orders_min", "department_days")
_TEXTS = (
    "name",
    "channel",
    "subject",
    "body",
    "link",
    "language",
    "campaign",
    "control_percent",
    "money_min",
)
_COUNT_MAX = 1_000_000
SAMPLE_NAME = N_("Wang Xiaoming")
SAMPLE_LINK = "https://shop.example/u/…"


def typed(data: Mapping[str, Any]) -> dict[str, object]:
    """Return the form's fields as typed; a field that may come several times is a list."""
    values: dict[str, object] = {name: str(_one(data.get(name, ""))) for name in _TEXTS + _COUNTS}
    for name in ("tiers", "departments"):
        values[name] = _many(data.get(name))
    return values


def values_of(outreach: Outreach, currency: str) -> dict[str, object]:
    """Return the form's fields of a stored draft."""
    segment = outreach.segment
    money = segment.money_min_minor
    values: dict[str, object] = {
        name: "" if getattr(segment, name) is None else str(getattr(segment, name))
        for name in _COUNTS
    }
    return values | {
        "name": outreach.name,
        "channel": outreach.channel,
        "subject": outreach.subject,
        "body": outreach.body,
        "link": outreach.link,
        "language": outreach.language,
        "campaign": outward("cmp", outreach.campaign_id) if outreach.campaign_id else "",
        "control_percent": f"{outreach.control_bps / 100:g}",
        "money_min": "" if money is None else str(to_decimal(money, currency)),
        "tiers": list(segment.tiers),
        "departments": list(segment.departments),
    }


def new_values(shop: Shop, language: str, campaign: str = "") -> dict[str, object]:
    """Return the fields of an empty form."""
    empty: dict[str, object] = dict.fromkeys(_TEXTS + _COUNTS, "")
    return empty | {
        "channel": CHANNEL_DEFAULT,
        "language": language,
        "campaign": campaign,
        "control_percent": f"{CONTROL_BPS_DEFAULT / 100:g}",
        "tiers": [],
        "departments": [],
    }


def segment_of(values: Mapping[str, object], currency: str) -> Segment:
    """Return the segment of typed fields; refuses (Invalid) what is no number."""
    wrong: dict[str, Refusal] = {}
    numbers: dict[str, int | None] = {}
    for name in _COUNTS:
        text = as_typed(str(values.get(name, "")))
        number = count(text)
        if number is None or number > _COUNT_MAX:
            wrong[name] = BadCount(value=text[:20])
        numbers[name] = number if text and name not in wrong else None
    money = str(values.get("money_min", "")).strip()
    try:
        money_minor = parse_minor(money, currency) if money else None
        if money_minor is not None and money_minor < 0:
            raise BadCount(value=money[:20])
    except Refusal as refusal:
        wrong["money_min"], money_minor = refusal, None
    if wrong:
        raise Invalid(wrong)
    return Segment(
        tiers=tuple(_many(values.get("tiers"))),
        departments=tuple(_many(values.get("departments"))),
        money_min_minor=money_minor,
        last_order_days_min=numbers["last_order_days_min"],
        last_order_days_max=numbers["last_order_days_max"],
        orders_min=numbers["orders_min"],
        department_days=numbers["department_days"],
    )


def channel_of(values: Mapping[str, object]) -> str:
    """Return the channel of typed fields: e-mail where nothing was chosen."""
    return str(values.get("channel", "")) or CHANNEL_DEFAULT


def subject_channels() -> list[str]:
    """Return what the channels with a subject are called, or nothing where all have one."""
    having = [each.label for each in channels.values() if each.content.subject_length_max]
    return [] if len(having) == len(channels) else having


def draft_of(values: Mapping[str, object], currency: str) -> Draft:
    """Return the draft of typed fields; refuses (Invalid) with every wrong field at once."""
    wrong: dict[str, Refusal] = {}
    segment, control = Segment(), CONTROL_BPS_DEFAULT
    try:
        segment = segment_of(values, currency)
    except Invalid as invalid:
        wrong |= invalid.fields
    try:
        # Basis points are hundredths of a per cent, so the amount parser fits.
        control = parse_minor(str(values["control_percent"]) or "0", "USD")
    except Refusal:
        wrong["control_percent"] = BadControlShare()
    campaign = str(values["campaign"])
    draft = Draft(
        name=str(values["name"]),
        subject=str(values["subject"]),
        body=str(values["body"]),
        segment=segment,
        link=str(values["link"]),
        channel=channel_of(values),
        language=str(values["language"]),
        control_bps=control,
        campaign_id=inward("cmp", campaign) if campaign else None,
    )
    try:
        checked_draft(draft)
    except Invalid as invalid:
        wrong = invalid.fields | wrong
    if wrong:
        raise Invalid(wrong)
    return draft


def refused(values: dict[str, object], refusal: Refusal) -> Form:
    """Return the form to show again; the control share has its own field name."""
    form = Form.refused(values, refusal)
    if "control_bps" in form.errors and "control_percent" not in form.errors:
        form.errors["control_percent"] = form.errors.pop("control_bps")
    return form


def preview(shop: Shop, values: Mapping[str, object], name: str) -> Letter | None:
    """Return the letter that one customer would get, or None while the text has errors."""
    try:
        return letter(
            reference="preview",
            to_address="",
            name=name,
            shop_name=shop.name,
            subject=str(values.get("subject", "")),
            body=str(values.get("body", "")),
            link=str(values.get("link", "")),
            opt_out_link=SAMPLE_LINK,
            language="zh" if values.get("language") == "zh" else "en",
        )
    except Refusal:
        return None


def variables() -> tuple[str, str]:
    """Return the variables of subject and body as they are written."""
    subject = " ".join("{" + name + "}" for name in SUBJECT_VARIABLES)
    return subject, " ".join("{" + name + "}" for name in BODY_VARIABLES)


def _one(value: Any) -> Any:
    return value[0] if isinstance(value, list) and value else value


def _many(value: Any) -> list[str]:
    if value is None or value == "":
        return []
    return [str(item) for item in value] if isinstance(value, list | tuple) else [str(value)]

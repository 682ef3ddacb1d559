"""A campaign's plan tried on past orders: a job with its progress, then the report and a chart."""

from datetime import date, timedelta
from typing import Any

from litestar import Response, get, post

from springtide.bootstrap import House
from springtide.domain.access.act import Act
from springtide.domain.access.model import Member, Needs, Permission
from springtide.domain.campaigns.model import Campaign
from springtide.domain.catalog.queries import products_by_keys
from springtide.flows.timeline import planning
from springtide.flows.timeline.model import Action, State
from springtide.flows.timeline.worker_slots import is_worker_alive
from springtide.flows.trials.jobs import TRY_PLAN, newest_done, report_of, trials_of
from springtide.flows.trials.what_if import DAYS_MAX, BadPeriod, Report
from springtide.kit.errors import N_, Invalid, Refusal
from springtide.kit.i18n import translate
from springtide.kit.reading import BadDay, as_typed, day
from springtide.web.campaigns.campaign import frame
from springtide.web.campaigns.forms import address, campaign_of
from springtide.web.frame import words
from springtide.web.frame.forms import AnyRequest, Form, Posted
from springtide.web.frame.render import page, view_of

_READ = {"access": Needs(Permission.READ)}
_WRITE = {"access": Needs(Permission.PRICES_WRITE)}
_PATH = "/shops/{shop:str}/campaigns/{campaign:str}/try"
#: Days of orders that the form proposes, up to yesterday.
DAYS_PROPOSED = 90
_OPEN = (State.PLANNED, State.RUNNING)


@get(_PATH, opt=_READ, sync_to_thread=True)
def try_page(request: AnyRequest, house: House, member: Member, campaign: str) -> Response[Any]:
    """Show the form, the run that is going on, and the newest report."""
    with house.db.read() as tx:
        found = campaign_of(tx, member, campaign)
    return _page(request, house, member, found, Form())


@get(f"{_PATH}/report", opt=_READ, sync_to_thread=True)
def try_report(request: AnyRequest, house: House, member: Member, campaign: str) -> Response[Any]:
    """Return the progress alone, for the page that watches a run."""
    with house.db.read() as tx:
        found = campaign_of(tx, member, campaign)
    context = _results(request, house, member, found)
    base = address(member, found)
    answer = page(request, "campaigns/_try_running.html", member=member, base=base, **context)
    if context["running"] is None:
        # The report has a chart: the page that watches loads it whole.
        answer.headers["HX-Refresh"] = "true"
    return answer


@post(_PATH, opt=_WRITE, sync_to_thread=True)
def try_start(
    request: AnyRequest, house: House, member: Member, campaign: str, data: Posted
) -> Response[Any]:
    """Hand the job to the worker; the same days of the same plan again are a new run."""
    shop = member.shop
    with house.db.read() as tx:
        found = campaign_of(tx, member, campaign)
    try:
        since, until = _typed_days(data)
        house.db.run(
            lambda tx: planning.enqueue(
                Act.of(tx, shop, member.actor),
                kind=TRY_PLAN,
                params={
                    "campaign": found.key,
                    "since": since.isoformat(),
                    "until": until.isoformat(),
                },
            )
        )
    except Refusal as refusal:
        form = Form.refused(data, refusal)
        return _page(request, house, member, found, form, status=422)
    return _page(request, house, member, found, Form())


def _typed_days(data: Posted) -> tuple[date, date]:
    problems: dict[str, Refusal] = {}
    days: list[date] = []
    for name in ("since", "until"):
        text = as_typed(str(data.get(name, "")))
        found = day(text)
        if found is None:
            problems[name] = BadDay(value=text[:40])
        else:
            days.append(found)
    if not problems and not timedelta(0) <= days[1] - days[0] < timedelta(days=DAYS_MAX):
        problems["until"] = BadPeriod(days=DAYS_MAX)
    if problems:
        raise Invalid(problems)
    return days[0], days[1]


def _page(
    request: AnyRequest,
    house: House,
    member: Member,
    campaign: Campaign,
    form: Form,
    status: int = 200,
) -> Response[Any]:
    now = house.now(member.shop)
    yesterday = now.astimezone(member.shop.tz).date() - timedelta(days=1)
    results = _results(request, house, member, campaign)
    newest = results["running"] or results["done"]
    proposed = (yesterday - timedelta(days=DAYS_PROPOSED - 1), yesterday)
    since, until = _days_of(newest) if newest else proposed
    return page(
        request,
        "campaigns/campaign_try.html",
        member=member,
        status=status,
        **frame(member, campaign, campaign.status(now), "try"),
        form=form,
        since=since.isoformat(),
        until=until.isoformat(),
        **results,
    )


def _results(
    request: AnyRequest, house: House, member: Member, campaign: Campaign
) -> dict[str, Any]:
    with house.db.read() as tx:
        jobs = trials_of(tx, shop_id=member.shop.id, campaign=campaign.key)
        running = next((job for job in jobs if job.state in _OPEN), None)
        done = newest_done(jobs)
        failed = jobs[0] if jobs and jobs[0].state not in (*_OPEN, State.DONE) else None
        is_awake = is_worker_alive(tx, real_now=house.real_now())
        report = report_of(done) if done else None
        keys = [each.product_key for each in report.losers] if report else []
        products = products_by_keys(tx, shop_id=member.shop.id, keys=keys)
    return {
        "running": running,
        "failed": failed,
        "is_awake": is_awake,
        "done": done,
        "days": _days_of(done) if done else None,
        "report": report,
        "names": {key: product.name for key, product in products.items()},
        "days_chart": _chart(request, member, report) if report else None,
    }


def _days_of(job: Action) -> tuple[date, date]:
    return date.fromisoformat(job.params["since"]), date.fromisoformat(job.params["until"])


def _chart(request: AnyRequest, member: Member, report: Report) -> dict[str, Any]:
    view = view_of(request, member)
    days = [date.fromisoformat(each.day) for each in report.days]
    series = (
        (N_("Regular prices"), [each.before_minor for each in report.days], "#a9b8c2"),
        (N_("Under the plan"), [each.after_minor for each in report.days], "#0b7a93"),
    )
    return {
        "units": ["money"],
        "xAxis": {"type": "category", "data": [words.day_short(view, day) for day in days]},
        "yAxis": {"type": "value"},
        "series": [
            {
                "type": "line",
                "name": translate(name, view.language),
                "data": values,
                "itemStyle": {"color": color},
            }
            for name, values, color in series
        ],
    }


routes = [try_page, try_report, try_start]

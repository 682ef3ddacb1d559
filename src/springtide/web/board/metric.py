"""How a number is counted: its definition, its query, and the facts behind it."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from litestar import Request, Response, get
from litestar.params import QueryParameter

from springtide.bootstrap import House
from springtide.domain.access.model import Member, Needs, Permission
from springtide.domain.board.metrics import METRICS
from springtide.domain.board.queries import definition_sql, facts_behind, values
from springtide.domain.catalog.queries import products_by_keys
from springtide.domain.facts.kinds import said
from springtide.kit.errors import N_, Refusal
from springtide.kit.reading import instant
from springtide.kit.time import Window
from springtide.web.board.figures import metric_href, written
from springtide.web.frame.render import page, view_of

ROWS = 50
_DAYS_DEFAULT = 7
_PAGE_MAX = 10_000


class BadPeriod(Refusal):
    """A period that cannot be read, or that ends before it starts."""

    code = "bad_period"
    text = N_("“{value}” is not a period: give from and to as instants, from before to.")


@get(
    "/shops/{shop:str}/metrics/{kind:str}",
    opt={"access": Needs(Permission.READ)},
    sync_to_thread=True,
)
def metric_page(
    request: Request[Any, Any, Any],
    house: House,
    member: Member,
    kind: str,
    starts: Annotated[str, QueryParameter(name="from")] = "",
    ends: Annotated[str, QueryParameter(name="to")] = "",
    product: str = "",
    skip: int = 0,
) -> Response[Any]:
    """Show a metric over a period: definition, SQL and one page of the facts behind it."""
    window = _window(starts, ends, house.now(member.shop))
    skip = max(0, min(skip, ROWS * _PAGE_MAX))
    slug = member.shop.slug
    total, rows = facts_behind(
        house.facts,
        shop=slug,
        kind=kind,
        window=window,
        product_key=product or None,
        skip=skip,
        limit=ROWS,
    )
    value = values(house.facts, shop=slug, window=window, kinds=[kind])[kind]
    keys = {row.product_key for row in rows if row.product_key} | ({product} if product else set())
    with house.db.read() as tx:
        names = {
            key: found.name
            for key, found in products_by_keys(tx, shop_id=member.shop.id, keys=keys).items()
        }
    more = {"product": product} if product else {}
    here = metric_href(member.shop, kind, window, **more)
    return page(
        request,
        "board/metric.html",
        member=member,
        metric=METRICS[kind],
        value=value,
        text=written(view_of(request, member), kind, value.amount),
        window=window,
        sql=definition_sql(shop=slug, kind=kind, window=window),
        rows=rows,
        total=total,
        first=skip + 1 if rows else 0,
        last=skip + len(rows),
        next_href=f"{here}&skip={skip + ROWS}" if skip + len(rows) < total else "",
        first_href=here if skip else "",
        names=names,
        product=product,
        kind_labels=said("label"),
        others=[(other, METRICS[other].label) for other in METRICS],
        other_href=lambda other: metric_href(member.shop, other, window),
    )


def _window(starts: str, ends: str, now: datetime) -> Window:
    """Return the period asked for; by default the last seven days."""
    ends_at = _instant(ends) if ends else now
    starts_at = _instant(starts) if starts else ends_at - timedelta(days=_DAYS_DEFAULT)
    if starts_at >= ends_at:
        raise BadPeriod(value=f"{starts[:40]} – {ends[:40]}")
    return Window(starts_at, ends_at)


def _instant(text: str) -> datetime:
    found = instant(text)
    if found is None:
        raise BadPeriod(value=text[:40])
    return found


routes = [metric_page]

"""The list of customers: who they are, where they stand, found by name, tier and order."""

from typing import Any
from urllib.parse import urlencode

from litestar import Request, Response, get

from springtide.bootstrap import House
from springtide.domain.access.model import Data, Member, reading
from springtide.domain.customers import queries
from springtide.kit.errors import N_
from springtide.web.frame.navigation import NavItem
from springtide.web.frame.render import page
from springtide.web.frame.tiers import COLOURS, SEGMENT_NAMES

nav = NavItem(
    order=30,
    label=N_("Customers"),
    icon="users",
    path="customers",
    permission=reading(Data.CUSTOMERS).permission,
)
SORT_LABELS = {
    "money": N_("Most money first"),
    "orders": N_("Most orders first"),
    "recent": N_("Latest order first"),
    "key": N_("By key"),
}
_PAGE_LENGTH = 25


@get(
    "/shops/{shop:str}/customers",
    opt={"access": reading(Data.CUSTOMERS)},
    sync_to_thread=True,
)
def customers_page(request: Request[Any, Any, Any], house: House, member: Member) -> Response[str]:
    """Show one page of the list and how the tiers share out."""
    asked = request.query_params
    text, after = asked.get("q", "")[:100], asked.get("after") or None
    tier = asked.get("tier") if asked.get("tier") in SEGMENT_NAMES else None
    sort = asked.get("sort") if asked.get("sort") in SORT_LABELS else "money"
    day = queries.last_full_day(member.shop, house.now(member.shop))
    with house.db.read() as tx:
        listed = queries.customers_page(
            tx,
            reader=house.facts,
            shop=member.shop,
            as_of=day,
            text=text,
            segment=tier,
            sort=str(sort),
            after=after,
            limit=_PAGE_LENGTH,
        )
        on_file = queries.customer_count(tx, shop_id=member.shop.id)
    standings = queries.standings(house.facts, shop=member.shop, as_of=day)
    kept = {"q": text, "tier": tier or "", "sort": sort}
    return page(
        request,
        "customers/customers.html",
        member=member,
        listed=listed,
        standings=standings,
        counts=standings.counts(),
        on_file=on_file,
        text=text,
        tier=tier or "",
        sort=sort,
        sorts=SORT_LABELS,
        tiers=SEGMENT_NAMES,
        colours=COLOURS,
        is_filtered=bool(text or tier),
        first_href=f"?{urlencode(kept)}" if after else "",
        next_href=(
            f"?{urlencode({**kept, 'after': listed.next_cursor})}" if listed.next_cursor else ""
        ),
    )


routes = [customers_page]

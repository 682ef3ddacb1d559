"""Settings, points: who keeps the balances of customers' points."""

from typing import Any

from litestar import Response, get, post

from springtide.bootstrap import House
from springtide.domain.access import operations
from springtide.domain.access.act import Act
from springtide.domain.access.model import Member, Needs, Permission, PointsKeeper
from springtide.kit.errors import N_, Invalid, Refusal
from springtide.kit.i18n import translate
from springtide.web.frame import render
from springtide.web.frame.forms import AnyRequest, Form, Typed
from springtide.web.settings import sections

_OPT = {"access": Needs(Permission.SETTINGS_WRITE)}
KEEPERS = {
    PointsKeeper.LEDGER: N_("Springtide's ledger"),
    PointsKeeper.SITE: N_("The shop's own site"),
    PointsKeeper.NOBODY: N_("Nobody: the shop has no points"),
}


class BadKeeper(Refusal):
    """Somebody who keeps no points."""

    code = "bad_points_keeper"
    text = N_("Choose who keeps the points from the list.")


@get("/shops/{shop:str}/settings/points", opt=_OPT, sync_to_thread=False)
def points_page(request: AnyRequest, member: Member) -> Response[str]:
    """Show who keeps the shop's points, and what that means at the checkout."""
    return _page(request, member, Form())


@post("/shops/{shop:str}/settings/points", opt=_OPT, sync_to_thread=True)
def set_points(request: AnyRequest, house: House, member: Member, data: Typed) -> Response[Any]:
    """Say who keeps the shop's points from now on."""
    typed = data.get("kept_by", "")
    if typed not in KEEPERS:
        form = Form.refused(data, Invalid({"kept_by": BadKeeper()}))
        return _page(request, member, form, status=422)
    house.db.run(
        lambda tx: operations.keep_points(
            Act.of(tx, member.shop, member.actor), keeper=PointsKeeper(typed)
        )
    )
    text = translate(N_("It is noted who keeps the points."), member.person.language)
    return render.see_other(f"/shops/{member.shop.slug}/settings/points", message=text)


def _page(request: AnyRequest, member: Member, form: Form, status: int = 200) -> Response[str]:
    return render.page(
        request,
        "settings/points.html",
        member=member,
        status=status,
        sections=sections(member),
        form=form,
        keepers=KEEPERS,
    )


routes = [points_page, set_points]

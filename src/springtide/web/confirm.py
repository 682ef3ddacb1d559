"""Confirming that it is you, before what a found screen must not do: keys, people, factors."""

from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body

from springtide.bootstrap import House
from springtide.domain.access import operations, proofs
from springtide.domain.access.model import FactorKind, Person, SignedIn
from springtide.domain.access.queries import FRESH
from springtide.kit.errors import Refusal
from springtide.web import door, passkeys, render
from springtide.web.forms import Form

Typed = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]
AnyRequest = Request[Any, Any, Any]
_OPT = {"access": SignedIn()}


@get("/confirm", opt=_OPT, sync_to_thread=True)
def confirm_page(request: AnyRequest, person: Person) -> Response[str]:
    """Ask for the password."""
    return _page(request, person, Form(), request.query_params.get("next", ""))


@post("/confirm", opt=_OPT, sync_to_thread=True)
def confirm(request: AnyRequest, house: House, person: Person, data: Typed) -> Response[Any]:
    """Note that the person proved who they are, and go back to where they were."""
    back = data.get("next", "")
    try:
        operations.confirm(
            house.db,
            person=person,
            token=door.session_token(request, house) or "",
            password=data.get("password", ""),
            visit=door.visit_of(request, house),
            now=house.real_now(),
        )
    except Refusal as refusal:
        wrong = isinstance(refusal, operations.WrongPassword)
        form = Form({}, {"password": refusal}) if wrong else Form({}, error=refusal)
        return _page(request, person, form, back, status=refusal.status)
    return render.see_other(back)


def _page(
    request: AnyRequest, person: Person, form: Form, back: str, status: int = 200
) -> Response[str]:
    return render.page(
        request,
        "confirm.html",
        status=status,
        person=person,
        form=form,
        next_path=render.local_path(back) if back else "/",
        minutes=int(FRESH.total_seconds() // 60),
        asked=_asked(request, person),
    )


def _asked(request: AnyRequest, person: Person) -> passkeys.Asked | None:
    house: House = request.app.state["house"]
    with house.db.read() as tx:
        kept = proofs.factors_of(tx, person_id=person.id)
    keys = [each for each in kept if each.kind is FactorKind.PASSKEY]
    if not keys:
        return None
    return passkeys.ask(house.settings, keys, whose=f"confirm {person.id}", now=house.real_now())


routes = [confirm_page, confirm]

"""The way in and out: log-in, log-out, the choice of language, the choice of shop."""

from typing import Annotated, Any

from litestar import Request, Response, get, post
from litestar.enums import RequestEncodingType
from litestar.params import Body
from litestar.response import Redirect

from springtide.bootstrap import House
from springtide.domain.access import operations, queries
from springtide.domain.access.model import Person, Public, SignedIn
from springtide.kit.errors import N_, Refusal
from springtide.kit.i18n import LANGUAGES
from springtide.web import door, render
from springtide.web.forms import Form

Typed = Annotated[dict[str, str], Body(media_type=RequestEncodingType.URL_ENCODED)]
AnyRequest = Request[Any, Any, Any]


class Missing(Refusal):
    """A field that has to be filled in."""

    code = "missing"
    text = N_("Please fill this in.")


@get("/log-in", opt={"access": Public("whoever wants to log in")}, sync_to_thread=True)
def log_in_page(request: AnyRequest, house: House) -> Response[Any]:
    """Show the log-in form; who is signed in already goes on."""
    back = request.query_params.get("next", "")
    if _person(request, house) is not None:
        return render.see_other(back)
    return _page(request, house, Form(), back)


@post("/log-in", opt={"access": Public("whoever wants to log in")}, sync_to_thread=True)
def log_in(request: AnyRequest, house: House, data: Typed) -> Response[Any]:
    """Open a session, or show the form again with what is wrong."""
    email, password = data.get("email", ""), data.get("password", "")
    back = data.get("next", "")
    missing: dict[str, Refusal] = {
        name: Missing() for name, value in (("email", email), ("password", password)) if not value
    }
    if missing:
        return _page(request, house, Form({"email": email}, missing), back, status=422)
    address = request.client.host if request.client else ""
    try:
        session = operations.log_in(
            house.db, email=email, password=password, address=address, now=house.real_now()
        )
    except Refusal as refusal:
        form = Form({"email": email}, error=refusal)
        return _page(request, house, form, back, status=refusal.status)
    chosen = request.cookies.get(render.LANGUAGE_COOKIE, "")
    if chosen in LANGUAGES and chosen != session.person.language:
        with house.db.write() as tx:
            operations.change_language(tx, person=session.person, language=chosen)
    return render.see_other(back, cookies=[door.session_cookie(house, session)])


@post("/log-out", opt={"access": Public("ends the session it came with")}, sync_to_thread=True)
def log_out(request: AnyRequest, house: House) -> Response[Any]:
    """End the session."""
    token = door.session_token(request, house)
    if token:
        with house.db.write() as tx:
            operations.log_out(tx, token=token)
    return render.see_other("/log-in", cookies=[door.gone_cookie(house)])


@post("/language", opt={"access": Public("changes only the language")}, sync_to_thread=True)
def choose_language(request: AnyRequest, house: House, data: Typed) -> Response[Any]:
    """Keep the chosen language, with the person if there is one, and go back."""
    language = data.get("language", "")
    back = data.get("back", "")
    if language not in LANGUAGES:
        return render.see_other(back)
    person = _person(request, house)
    if person is not None:
        with house.db.write() as tx:
            operations.change_language(tx, person=person, language=language)
    return render.see_other(back, cookies=[render.language_cookie(language)])


@get("/", opt={"access": SignedIn()}, sync_to_thread=True)
def start(house: House, person: Person) -> Response[Any]:
    """Go to the person's only shop, or to the choice."""
    with house.db.read() as tx:
        shops = queries.shops_of(tx, person_id=person.id)
    return Redirect(f"/shops/{shops[0][0].slug}" if len(shops) == 1 else "/shops", status_code=303)


@get("/shops", opt={"access": SignedIn()}, sync_to_thread=True)
def shops_page(request: AnyRequest, house: House, person: Person) -> Response[str]:
    """Show the person's shops."""
    with house.db.read() as tx:
        shops = queries.shops_of(tx, person_id=person.id)
    return render.page(request, "shops.html", person=person, shops=shops)


def _page(
    request: AnyRequest, house: House, form: Form, back: str, status: int = 200
) -> Response[Any]:
    with house.db.read() as tx:
        has_demo = any(shop.is_demo for shop in queries.all_shops(tx))
    return render.page(
        request,
        "log_in.html",
        status=status,
        form=form,
        next_path=render.local_path(back) if back else "/",
        has_demo=has_demo,
    )


def _person(request: AnyRequest, house: House) -> Person | None:
    token = door.session_token(request, house)
    if token is None:
        return None
    try:
        with house.db.read() as tx:
            return queries.session_person(tx, token=token, now=house.real_now())[0]
    except queries.NotSignedIn:
        return None


routes = [log_in_page, log_in, log_out, choose_language, start, shops_page]

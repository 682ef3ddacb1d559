"""Settings, my account: second factors, that is apps, passkeys and recovery codes."""

from functools import partial
from typing import Any

import segno
from litestar import Response, get, post
from pyotp import TOTP

from springtide.bootstrap import House
from springtide.domain.access import operations, proofs
from springtide.domain.access.model import FactorKind, Member, Needs, Permission
from springtide.flows.people import letters
from springtide.kit.errors import N_, Invalid, Refusal
from springtide.kit.i18n import translate
from springtide.kit.ids import inward
from springtide.web.account import passkeys
from springtide.web.account.second_factor import keep_totp, kept_totp
from springtide.web.frame import render, sessions
from springtide.web.frame.forms import AnyRequest, Form, Typed
from springtide.web.settings import sections

#: Also opens where the shop asks for a second factor that the person does not have yet.
_OPT = {"access": Needs(Permission.READ, fresh=True, without_factor=True)}
_PAGE = "/shops/{shop:str}/settings/me/factors"
_ISSUER = "Springtide"


@get(_PAGE, opt=_OPT, sync_to_thread=True)
def factors_page(request: AnyRequest, house: House, member: Member) -> Response[str]:
    """Show one's second factors, and the ways to add one."""
    return _page(request, house, member, Form())


@post(f"{_PAGE}/app", opt=_OPT, sync_to_thread=True)
def add_app(request: AnyRequest, house: House, member: Member, data: Typed) -> Response[Any]:
    """Keep an app, once it showed a right code."""
    now, kept = house.real_now(), data.get("kept", "")
    secret = kept_totp(house, kept)
    step = operations.step_of(secret, data.get("code", ""), now=now) if secret else None
    try:
        if step is None:
            raise Invalid({"code": operations.WrongCode()})
        codes = house.db.run(
            lambda tx: operations.add_totp(
                tx,
                person=member.person,
                name=data.get("name", "") or translate(N_("App"), member.person.language),
                kept_secret=kept,
                step=step,
                opened=partial(kept_totp, house),
                now=now,
            )
        )
    except operations.AppKnown as known:
        return _page(request, house, member, Form({}, error=known), status=known.status)
    except Refusal as refusal:
        form = Form.refused({"name": data.get("name", "")}, refusal)
        # The same picture again: the app has scanned it already.
        return _page(request, house, member, form, status=refusal.status, secret=secret)
    return _added(request, house, member, codes)


@post(f"{_PAGE}/passkey", opt=_OPT, sync_to_thread=True)
def add_passkey(request: AnyRequest, house: House, member: Member, data: Typed) -> Response[Any]:
    """Keep a passkey that the browser made."""
    now = house.real_now()
    try:
        made = passkeys.registered(
            house.settings,
            answer=data.get("answer", ""),
            state=data.get("state", ""),
            person=member.person,
            now=now,
        )
        codes = house.db.run(
            lambda tx: operations.add_passkey(
                tx,
                person=member.person,
                name=data.get("name", "") or translate(N_("Passkey"), member.person.language),
                credential_id=made.credential_id,
                public_key=made.credential_public_key,
                sign_count=made.sign_count,
                now=now,
            )
        )
    except Refusal as refusal:
        return _page(request, house, member, Form({}, error=refusal), status=refusal.status)
    return _added(request, house, member, codes)


@post(f"{_PAGE}/codes", opt=_OPT, sync_to_thread=True)
def renew_codes(request: AnyRequest, house: House, member: Member) -> Response[str]:
    """Make new recovery codes and show them, this once."""
    codes = house.db.run(
        lambda tx: operations.renew_codes(tx, person=member.person, now=house.real_now())
    )
    _tell(request, house, member, "codes")
    return _page(request, house, member, Form(), codes=codes)


@post(f"{_PAGE}/{{factor_id:str}}/remove", opt=_OPT, sync_to_thread=True)
def remove(request: AnyRequest, house: House, member: Member, factor_id: str) -> Response[Any]:
    """Take a factor off."""
    house.db.run(
        lambda tx: operations.remove_factor(
            tx,
            person=member.person,
            factor_id=inward("fac", factor_id),
            now=house.real_now(),
        )
    )
    _tell(request, house, member, "factor_removed")
    text = translate(N_("The second factor is taken off."), member.person.language)
    return render.see_other(f"/shops/{member.shop.slug}/settings/me/factors", message=text)


def _added(request: AnyRequest, house: House, member: Member, codes: list[str]) -> Response[Any]:
    _tell(request, house, member, "factor_added")
    return _page(request, house, member, Form(), codes=codes, is_added=True)


def _tell(request: AnyRequest, house: House, member: Member, what: str) -> None:
    address = sessions.visit_of(request, house).address
    letters.notify(house, house.post, member.person, what, address=address, now=house.real_now())


def _page(
    request: AnyRequest,
    house: House,
    member: Member,
    form: Form,
    *,
    status: int = 200,
    secret: str = "",
    codes: list[str] | None = None,
    is_added: bool = False,
) -> Response[str]:
    person, now = member.person, house.real_now()
    with house.db.read() as tx:
        kept = proofs.factors_of(tx, person_id=person.id)
        codes_left = proofs.codes_left(tx, person_id=person.id)
    secret = secret or operations.new_secret()
    address = TOTP(secret, name=person.email, issuer=_ISSUER).provisioning_uri()
    keys = [each for each in kept if each.kind is FactorKind.PASSKEY]
    return render.page(
        request,
        "settings/factors.html",
        member=member,
        status=status,
        sections=sections(member),
        form=form,
        factors=kept,
        codes_left=codes_left,
        codes=codes or [],
        is_added=is_added,
        secret=" ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        kept=keep_totp(house, secret),
        picture=segno.make(address, error="m").svg_data_uri(scale=4, border=2),
        asked=passkeys.ask_new(house.settings, person, keys, now),
    )


routes = [factors_page, add_app, add_passkey, renew_codes, remove]

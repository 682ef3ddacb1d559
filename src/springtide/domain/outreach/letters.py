"""From a written text with {name} and {link} to a letter: plain text, HTML, opt-out line."""

import re
from collections.abc import Mapping
from html import escape
from string import Formatter

from springtide.domain.outreach.ports import Content, Letter
from springtide.kit.errors import N_, Refusal
from springtide.kit.i18n import translate

BODY_VARIABLES = ("name", "shop", "link", "opt_out_link")
SUBJECT_VARIABLES = ("name", "shop")
_LINKS = ("link", "opt_out_link")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_VALUE_LENGTH_MAX = 200
_FOOTER = N_(
    "You receive this because you are a customer of {shop}. "
    "If you do not want such messages: {opt_out_link}"
)


class BadTemplate(Refusal):
    """A text with a variable that does not exist, or braces that do not match."""

    code = "bad_template"
    text = N_("“{part}” cannot be used here. Variables are: {allowed}. Write {{{{ for a brace.")


class BadLength(Refusal):
    """A text that is empty or too long."""

    code = "bad_length"
    text = N_("This needs 1 to {max} characters; it has {length}.")


class BadLink(Refusal):
    """A link that does not lead to a web page."""

    code = "bad_link"
    text = N_("A link begins with https:// or http:// and has no spaces.")


def checked_subject(text: str, content: Content) -> str:
    """Return a subject that can be sent; refuse line breaks, bad variables and lengths.

    A channel without subjects has none, whatever was typed before it was chosen.
    """
    if content.subject_length_max is None:
        return ""
    subject = text.strip()
    _check_length(subject, content.subject_length_max)
    if _CONTROL.search(subject):
        raise BadTemplate(part=subject[:40], allowed=_named(SUBJECT_VARIABLES))
    _parts(subject, SUBJECT_VARIABLES)
    return subject


def checked_body(text: str, content: Content) -> str:
    """Return a body that can be sent; refuse bad variables and lengths."""
    body = text.replace("\r\n", "\n").strip()
    _check_length(body, content.body_length_max)
    _parts(body, BODY_VARIABLES)
    return body


def checked_link(text: str) -> str:
    """Return a web address, or an empty text; refuse others."""
    link = text.strip()
    if link and (not re.fullmatch(r"https?://[^\s<>\"'\\]+", link) or len(link) > 1000):
        raise BadLink()
    return link


def letter(
    *,
    reference: str,
    to_address: str,
    name: str,
    shop_name: str,
    subject: str,
    body: str,
    link: str,
    opt_out_link: str,
    language: str,
) -> Letter:
    """Return the letter to one person; a body without {opt_out_link} gets an opt-out line."""
    values = {
        "name": _plain(name),
        "shop": _plain(shop_name),
        "link": link,
        "opt_out_link": opt_out_link,
    }
    if not any(field == "opt_out_link" for _, field in _parts(body, BODY_VARIABLES)):
        body = f"{body}\n\n{translate(_FOOTER, language)}"
    return Letter(
        reference=reference,
        to_address=to_address,
        to_name=values["name"],
        from_name=values["shop"],
        subject=_fill(subject, values),
        text=_fill(body, values) + "\n",
        html=_html(body, values, language),
        opt_out_link=opt_out_link,
    )


def _fill(template: str, values: Mapping[str, str]) -> str:
    return "".join(
        literal + (values[field] if field else "")
        for literal, field in _parts(template, BODY_VARIABLES)
    )


def _html(template: str, values: Mapping[str, str], language: str) -> str:
    """Return the body as plain HTML: paragraphs, line breaks, and our links as links."""
    pieces = []
    for literal, field in _parts(template, BODY_VARIABLES):
        pieces.append(escape(literal))
        if field in _LINKS:
            target = escape(values[field])
            pieces.append(f'<a href="{target}">{target}</a>')
        elif field:
            pieces.append(escape(values[field]))
    paragraphs = [
        f"<p>{part.strip().replace(chr(10), '<br>')}</p>"
        for part in re.split(r"\n\s*\n", "".join(pieces))
        if part.strip()
    ]
    code = "zh-Hans" if language == "zh" else "en"
    return (
        f'<!doctype html><html lang="{code}"><head><meta charset="utf-8"></head>'
        f"<body>{''.join(paragraphs)}</body></html>\n"
    )


def _parts(template: str, allowed: tuple[str, ...]) -> list[tuple[str, str]]:
    """Return (literal, variable or empty) pairs; refuse what is no plain variable."""
    parts = []
    try:
        for literal, field, spec, conversion in Formatter().parse(template):
            if field is not None and (field not in allowed or spec or conversion):
                raise BadTemplate(part="{" + field[:40] + "}", allowed=_named(allowed))
            parts.append((literal, field or ""))
    except ValueError as error:
        raise BadTemplate(part="{ }", allowed=_named(allowed)) from error
    return parts


def _check_length(text: str, longest: int) -> None:
    if not 1 <= len(text) <= longest:
        raise BadLength(max=longest, length=len(text))


def _named(names: tuple[str, ...]) -> str:
    return ", ".join("{" + name + "}" for name in names)


def _plain(value: str) -> str:
    return _CONTROL.sub(" ", value).strip()[:_VALUE_LENGTH_MAX]

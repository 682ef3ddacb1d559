"""What is said of a table's columns in the form, and the form of what is known of them."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from springtide.connectors.tabular.mapping import (
    DAY_FIRST,
    MONTH_FIRST,
    guess_row,
)
from springtide.domain.facts.kinds import kind_words
from springtide.kit.errors import N_

#: What a column can mean, in groups as a form shows them.
MEANINGS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        N_("Order"),
        (
            ("order_key", N_("Order number")),
            ("occurred_at", N_("Date and time")),
            ("paid_at", N_("Time of payment")),
            ("refunded_at", N_("Time of refund")),
            ("kind", N_("What happened (view, cart, order …)")),
        ),
    ),
    (
        N_("Money"),
        (
            ("amount", N_("Amount of the row")),
            ("price", N_("Price of one piece")),
            ("quantity", N_("Pieces")),
            ("discount", N_("Discount")),
            ("paid_amount", N_("Money received")),
            ("refunded_amount", N_("Money paid back")),
        ),
    ),
    (
        N_("Customer"),
        (
            ("customer_key", N_("Customer’s number or account")),
            ("customer_name", N_("Customer’s name")),
            ("customer_email", N_("E-mail address")),
            ("visitor_key", N_("Visitor or device")),
        ),
    ),
    (
        N_("Product"),
        (
            ("product_key", N_("Product number")),
            ("sku_key", N_("SKU")),
            ("product_name", N_("Product name")),
            ("product_brand", N_("Brand")),
            ("product_category", N_("Category")),
        ),
    ),
    (
        N_("More"),
        (
            ("source_path", N_("Where the visit came from")),
            ("campaign_key", N_("Campaign")),
            ("reference", N_("Coupon or reference")),
            ("external_id", N_("Number of the row itself")),
            ("props", N_("Keep as a detail")),
        ),
    ),
)
ENCODINGS = ("utf-8", "gb18030", "big5", "utf-16", "cp1252", "shift_jis")
DELIMITERS = (",", ";", "\t", "|")
#: How dates are written: told by the values, or by which of day and month stands first.
DATES = (
    ("", N_("As the values tell")),
    ("day", N_("Day first: 31/12/2026")),
    ("month", N_("Month first: 12/31/2026")),
    ("own", N_("Another way")),
)
_FIRST = {"day": list(DAY_FIRST), "month": list(MONTH_FIRST)}
_PLAIN = {"decimal": ".", "unit": "major", "kind": "order", "negative": "reject"}
_EVENTS_MAX = 50


def header_cells(row: Sequence[str]) -> list[str]:
    """Return a header's names; empty where a column has none or that of an earlier one."""
    names: list[str] = []
    for cell in row:
        name = cell.strip()
        names.append("" if name in names else name)
    return names


def document_of(cells: Sequence[str], typed: Mapping[str, str], written: Mapping[str, Any]) -> Any:
    """Return the mapping that a form describes; ``written`` is how the file is written."""
    columns: dict[str, Any] = {}
    for number, name in enumerate(cells):
        word = typed.get(f"column-{number}", "")
        if word and name:
            columns.setdefault(word, []).append(name)
    columns = {
        word: names[0] if len(names) == 1 and word != "props" else names
        for word, names in columns.items()
    }
    document: dict[str, Any] = {"source": typed.get("source", "").strip() or "generic"}
    document |= {name: value for name, value in written.items() if value}
    for name, usual in _PLAIN.items():
        if (value := typed.get(name, usual)) != usual:
            document[name] = value
    if typed.get("zone", "").strip():
        document["zone"] = typed["zone"].strip()
    dates = typed.get("dates", "")
    if dates == "own":
        document["date_formats"] = [
            each.strip() for each in typed.get("date_formats", "").splitlines() if each.strip()
        ]
    elif dates in _FIRST:
        document["date_formats"] = _FIRST[dates]
    if not typed.get("paid"):
        document["paid"] = False
    if typed.get("duplicates"):
        document["duplicates"] = "keep"
    events = _events(typed)
    if events and "kind" in columns:
        document["kinds"] = events
    return document | {"columns": columns}


def typed_of(cells: Sequence[str], document: Mapping[str, Any]) -> dict[str, str]:
    """Return the form's fields for a mapping that is known."""
    words = {
        name: word
        for word, names in document.get("columns", {}).items()
        for name in ([names] if isinstance(names, str) else names)
    }
    typed = {f"column-{number}": words.get(name, "") for number, name in enumerate(cells) if name}
    for name, usual in (*_PLAIN.items(), ("zone", ""), ("source", "generic")):
        typed[name] = str(document.get(name, usual) or usual)
    formats = document.get("date_formats") or []
    formats = [formats] if isinstance(formats, str) else list(formats)
    typed["dates"] = next(
        (first for first, all_ in _FIRST.items() if formats == all_), "own" if formats else ""
    )
    typed["date_formats"] = "\n".join(formats) if typed["dates"] == "own" else ""
    typed["paid"] = "on" if document.get("paid", True) else ""
    typed["duplicates"] = "on" if document.get("duplicates") == "keep" else ""
    for number, (text, kind) in enumerate(document.get("kinds", {}).items()):
        typed |= {f"event-text-{number}": text, f"event-{number}": kind}
    return typed


def guessed(cells: Sequence[str], file_name: str) -> dict[str, str]:
    """Return the form's fields for a table of which only the header is known."""
    found = guess_row(cells)
    if "amount" in found:
        found.pop("price", None)
    source = re.sub(r"[^\w.-]+", "-", file_name.rsplit(".", 1)[0]).strip("-.")
    return typed_of(cells, {"columns": found, "source": source[:60] or "generic"})


def events(values: Sequence[str], typed: Mapping[str, str]) -> list[tuple[int, str, str]]:
    """Return number, text and kind of each text that a column of kinds holds."""
    known = {text.casefold(): kind for text, kind in _events(typed).items()}
    told = kind_words() | known
    return [
        (number, text, told.get(text.casefold(), ""))
        for number, text in enumerate(values[:_EVENTS_MAX])
    ]


def _events(typed: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for number in range(_EVENTS_MAX):
        text, kind = typed.get(f"event-text-{number}", ""), typed.get(f"event-{number}", "")
        if text and kind:
            found[text] = kind
    return found

"""The mapping of a table's columns to facts: read from TOML or JSON, or guessed from the header."""

import json
import re
import tomllib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import duckdb

from springtide.connectors.tabular.cells import shown_name
from springtide.domain.facts.kinds import EVENT_KINDS
from springtide.domain.facts.model import OWN_SOURCES
from springtide.domain.imports.ports import Head
from springtide.kit.errors import N_, NotFound, Refusal
from springtide.kit.time import zone

#: The words that columns can be mapped to, with headers that are understood without a mapping.
WORDS: dict[str, tuple[str, ...]] = {
    "customer_key": (
        "customer_id", "customerid", "customer", "customer_no", "customer_key", "cust_id",
        "client_id", "client", "user_id", "userid", "user", "buyer_id", "buyer", "member_id",
        "household_id", "客户", "客户编号", "客户id", "会员", "会员id", "会员名", "买家会员名",
        "买家", "用户", "用户id",
    ),
    "order_key": (
        "order_id", "orderid", "order_no", "order_number", "order", "order_key", "invoice",
        "invoice_no", "invoiceno", "invoice_id", "transaction_id", "basket_id", "receipt_id",
        "receipt_no", "订单编号", "订单号", "订单id", "主订单编号",
    ),
    "occurred_at": (
        "order_date", "date", "datetime", "timestamp", "time", "order_time", "ordered_at",
        "created_at", "createdat", "order_datetime", "orderdate", "invoice_date", "invoicedate",
        "transaction_date", "transaction_timestamp", "purchase_date", "event_time", "occurred_at",
        "订单创建时间", "下单时间", "创建时间", "日期", "时间", "订单提交时间",
    ),
    "amount": (
        "revenue", "amount", "total", "sales", "sales_value", "total_amount", "order_total",
        "order_amount", "line_total", "order_value", "value", "spend", "monetary", "net_amount",
        "总金额", "金额", "支付金额", "实付金额", "订单金额", "买家实际支付金额",
    ),
    "price": ("price", "unit_price", "unitprice", "单价", "商品单价"),
    "quantity": ("quantity", "qty", "units", "pieces", "数量", "件数", "购买数量", "商品数量"),
    "discount": ("discount", "discount_amount", "discounts", "优惠", "优惠金额"),
    "product_key": (
        "product_id", "productid", "product", "product_key", "item_id", "itemid", "item",
        "stockcode", "stock_code", "upc", "商品id", "商品编号",
    ),
    "sku_key": ("sku", "sku_id", "sku_key", "商家编码"),
    "visitor_key": ("visitor_id", "visitor", "visitor_key", "session_id", "device_id", "访客id"),
    "kind": ("kind", "event", "event_type", "behavior", "behaviour", "behavior_type", "行为"),
    "product_name": ("product_name", "item_name", "description", "title", "商品名称", "标题"),
    "product_brand": ("brand", "品牌"),
    "product_category": ("category", "product_category", "类目"),
    "customer_name": ("customer_name", "客户姓名"),
    "customer_email": ("email", "customer_email", "e_mail", "邮箱"),
    "paid_at": ("paid_at", "payment_date", "payment_time", "订单付款时间", "支付时间"),
    "paid_amount": ("paid_amount", "amount_paid", "paid"),
    "refunded_at": ("refunded_at", "refund_date"),
    "refunded_amount": ("refunded_amount", "refund_amount", "refund", "退款金额"),
    "source_path": ("source_path", "traffic_source", "来源"),
    "campaign_key": ("campaign_id", "campaign", "活动id"),
    "reference": ("reference", "coupon_code"),
    "external_id": ("external_id",),
}  # fmt: skip
#: The words whose columns are taken as texts; a constant may stand in for them.
TEXT_WORDS = (
    "customer_key", "order_key", "product_key", "sku_key", "visitor_key", "source_path",
    "campaign_key", "reference", "product_name", "product_brand", "product_category",
    "customer_name", "customer_email",
)  # fmt: skip
_NUMBERS = ("amount", "price", "quantity", "discount", "paid_amount", "refunded_amount")
#: How dates such as 03/04/2025 are written, by which of the two comes first.
DAY_FIRST = tuple(
    f"%d{mark}%m{mark}{year}{time}"
    for mark in "/-."
    for year in ("%Y", "%y")
    for time in (" %H:%M:%S", " %H:%M", "")
)
MONTH_FIRST = tuple(
    item.replace("%d", "%0").replace("%m", "%d").replace("%0", "%m") for item in DAY_FIRST
)
_UNITS = ("major", "minor")
DOCUMENT_MAX = 1_000_000


class BadMapping(Refusal):
    """A mapping that says something it cannot say."""

    code = "bad_mapping"
    text = N_("The mapping cannot be used: {where}: {why}")


class BrokenMapping(BadMapping):
    """A mapping file that is not even what its name says."""

    text = N_("The mapping {file} is not {language}: the mistake is in line {line}.")


class UnknownSetting(BadMapping):
    """A setting that there is not."""

    text = N_("The mapping cannot be used: there is no {where}, only {allowed}.")


class NoTimeColumn(BadMapping):
    """A mapping without the column that every fact needs."""

    text = N_("No column is said to be the date and time (columns.occurred_at).")


class NoSuchChoice(BadMapping):
    """A setting with a value that it cannot have."""

    text = N_("The mapping cannot be used: {where} has to be one of {allowed}.")


class MissingColumns(Refusal):
    """A file without columns that its mapping names."""

    code = "missing_columns"
    text = N_("{file}: no row among the first 20 has the columns {missing}. Seen: {seen}.")


class UnknownColumns(Refusal):
    """A file whose header says too little to import it without a mapping."""

    code = "unknown_columns"
    text = N_(
        "{file}: the columns cannot be understood without a mapping, for want of {lacking}. "
        "Seen: {seen}. "
        "Name the columns in a mapping file (--mapping FILE; see `springtide import --help`)."
    )


class AmbiguousDates(Refusal):
    """Dates such as 03/04/2025, and no row that tells the day from the month."""

    code = "ambiguous_dates"
    text = N_(
        "{file}: the dates of “{column}”, such as {example}, can be read two ways. "
        'Say which in a mapping: date_formats = ["%d/%m/%Y"] or ["%m/%d/%Y"].'
    )


#: Refusals of a file that a person can help over by saying what its columns mean.
NOT_UNDERSTOOD = (UnknownColumns, MissingColumns, AmbiguousDates)


@dataclass(frozen=True, slots=True)
class TableMapping:
    """How a table's columns become facts; everything but ``columns`` has a default."""

    columns: Mapping[str, Any]
    format: str = "generic"
    source: str = "generic"
    encoding: str | None = None
    delimiter: str | None = None
    header_row: int | None = None
    zone: str | None = None
    date_formats: tuple[str, ...] = ()
    decimal: str = "."
    unit: str = "major"
    kind: str = "order"
    paid: bool = True
    negative: str = "reject"
    duplicates: str = "reject"
    kinds: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)

    def named(self, word: str) -> tuple[str, ...]:
        """Return the file's columns that a word is mapped to."""
        value = self.columns.get(word, ())
        return (value,) if isinstance(value, str) else tuple(value)

    @property
    def wanted(self) -> set[str]:
        """All columns of the file that the mapping names."""
        return {name for word in self.columns for name in self.named(word)}


def read_mapping(path: Path) -> dict[str, Any]:
    """Return the document of a mapping file, TOML or JSON; refuse one that cannot be read."""
    try:
        if not path.is_file():
            raise NotFound(what=N_("mapping file"), key=shown_name(path))
        if path.stat().st_size > DOCUMENT_MAX:
            raise BadMapping(where=shown_name(path), why=N_("it is larger than 1 MB"))
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeError as error:
        raise BadMapping(where=shown_name(path), why=N_("it is not in UTF-8")) from error
    except OSError as error:
        raise BadMapping(where=shown_name(path), why=N_("it may not be read")) from error
    is_json = path.suffix.lower() == ".json"
    try:
        document = json.loads(text) if is_json else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        # Both parsers say where in words alone.
        line = re.search(r"line (\d+)", str(error))
        raise BrokenMapping(
            file=shown_name(path),
            language="JSON" if is_json else "TOML",
            line=int(line[1]) if line else text.count("\n") + 1,
        ) from error
    if not isinstance(document, dict):
        raise BadMapping(where=shown_name(path), why=N_("it is not a table of settings"))
    return document


def parse_mapping(document: Mapping[str, Any]) -> TableMapping:
    """Return a checked mapping (``BadMapping`` names the place)."""
    known = {item.name for item in fields(TableMapping)}
    for name in document:
        if name not in known:
            raise UnknownSetting(where=name[:60], allowed=", ".join(sorted(known)))
    columns = document.get("columns")
    if not isinstance(columns, Mapping) or not columns:
        raise BadMapping(where="columns", why=N_("it needs at least one column"))
    for word, value in columns.items():
        if word not in (*WORDS, "props"):
            allowed = ", ".join((*WORDS, "props"))
            raise UnknownSetting(where=f"columns.{word[:60]}", allowed=allowed)
        names = [value] if isinstance(value, str) else value
        if not isinstance(names, list) or not all(isinstance(n, str) and n for n in names):
            raise BadMapping(where=f"columns.{word}", why=N_("a column's name, or a list of them"))
    given = {**document}
    formats = given.get("date_formats", [])
    formats = [formats] if isinstance(formats, str) else formats
    if not isinstance(formats, list) or not all(isinstance(item, str) for item in formats):
        raise BadMapping(where="date_formats", why=N_("a list of texts such as %d/%m/%Y"))
    given["date_formats"] = tuple(formats)
    mapping = TableMapping(**given)
    _check(mapping)
    return mapping


def _check(mapping: TableMapping) -> None:
    choices: dict[str, tuple[object, Sequence[object]]] = {
        "decimal": (mapping.decimal, (".", ",")),
        "unit": (mapping.unit, _UNITS),
        "kind": (mapping.kind, tuple(EVENT_KINDS)),
        "paid": (mapping.paid, (True, False)),
        "negative": (mapping.negative, ("reject", "refund")),
        "duplicates": (mapping.duplicates, ("reject", "keep")),
    }
    for name, (value, allowed) in choices.items():
        if value not in allowed:
            raise NoSuchChoice(where=name, allowed=", ".join(map(_written, allowed)))
    _check_texts(mapping)
    _check_places(mapping)
    for word in _NUMBERS:
        if len(mapping.named(word)) > 1:
            raise BadMapping(where=f"columns.{word}", why=N_("one column, not several"))
    if not mapping.named("occurred_at"):
        raise NoTimeColumn


def _written(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _check_places(mapping: TableMapping) -> None:
    """Check what says how the file is written."""
    delimiter, header_row = mapping.delimiter, mapping.header_row
    if delimiter is not None and (not isinstance(delimiter, str) or len(delimiter) != 1):
        raise BadMapping(where="delimiter", why=N_("one character"))
    if header_row is not None and (not isinstance(header_row, int) or header_row < 1):
        raise BadMapping(where="header_row", why=N_("a row number, the first being 1"))
    if mapping.zone is not None:
        if not isinstance(mapping.zone, str):
            raise BadMapping(where="zone", why=N_("a text"))
        zone(mapping.zone)
    for wanted in mapping.date_formats:
        try:
            duckdb.execute("select try_strptime('', ?)", [wanted])
        except duckdb.Error as error:
            why = N_("a list of texts such as %d/%m/%Y")
            raise BadMapping(where="date_formats", why=why) from error


def _check_texts(mapping: TableMapping) -> None:
    """Check the names and the tables of texts."""
    for name, table in (("kinds", mapping.kinds), ("constants", mapping.constants)):
        if not isinstance(table, Mapping):
            raise BadMapping(where=name, why=N_("a table of texts"))
    for word, value in (*mapping.kinds.items(), *mapping.constants.items()):
        if not isinstance(value, str):
            raise BadMapping(where=word[:60], why=N_("a text"))
    for word in mapping.constants:
        if word not in TEXT_WORDS:
            where = f"constants.{word[:60]}"
            raise UnknownSetting(where=where, allowed=", ".join(TEXT_WORDS))
    for word, kind in mapping.kinds.items():
        if kind not in EVENT_KINDS:
            raise NoSuchChoice(where=f"kinds.{word[:60]}", allowed=", ".join(EVENT_KINDS))
    texts = {"source": mapping.source, "encoding": mapping.encoding or "x"}
    for name, value in texts.items():
        if not isinstance(value, str) or not re.fullmatch(r"[\w.-]{1,60}", value):
            raise BadMapping(where=name, why=N_("letters, digits, . _ - only"))
    if mapping.source in OWN_SOURCES:
        raise BadMapping(where="source", why=N_("this source is Springtide's own"))


def guess(head: Head) -> TableMapping:
    """Return the mapping that obvious headers ask for; refuse a header that says too little."""
    best: dict[str, str] = {}
    best_row = 0
    for number, row in enumerate(head.rows):
        found = guess_row(row)
        if len(found) > len(best):
            best, best_row = found, number
    lacking = []
    if "occurred_at" not in best:
        lacking.append(N_("a date"))
    if not {"customer_key", "order_key", "visitor_key"} & set(best):
        lacking.append(N_("a customer, an order or a visitor"))
    if not {"amount", "price", "kind"} & set(best):
        lacking.append(N_("an amount, a price or a kind of event"))
    if lacking:
        seen = ", ".join(cell[:60] for cell in next(row for row in head.rows if any(row)))[:1000]
        raise UnknownColumns(file=head.name, lacking=lacking, seen=seen)
    if "amount" in best:
        best.pop("price", None)
    return TableMapping(columns=best, header_row=best_row + 1)


def likely_header(head: Head) -> int:
    """Return the index of the row that looks most like a header: known words, then filled cells."""
    return max(
        range(len(head.rows)),
        key=lambda number: (
            len(guess_row(head.rows[number])), sum(map(bool, head.rows[number])), -number
        ),
    )  # fmt: skip


def guess_row(row: Sequence[str]) -> dict[str, str]:
    """Return the words that the cells of a header stand for."""
    by_name = {re.sub(r"[^\w]+", "_", cell.strip().casefold()).strip("_"): cell for cell in row}
    found: dict[str, str] = {}
    for word, names in WORDS.items():
        for name in names:
            cell = by_name.get(name)
            if cell is not None and cell.strip() not in found.values():
                found[word] = cell.strip()
                break
    return found


def find_header(head: Head, mapping: TableMapping) -> int:
    """Return the index of the header's row; refuse a file that lacks mapped columns."""
    if mapping.header_row is not None:
        index = mapping.header_row - 1
        if not 0 <= index < len(head.rows):
            raise BadMapping(where="header_row", why=N_("the file has no such row near its top"))
    else:
        return header_row(head, mapping.wanted)
    _refuse_missing(head, mapping.wanted, index)
    return index


def header_row(head: Head, wanted: Set[str]) -> int:
    """Return the index of the first row with all columns; ``MissingColumns`` names the lacking."""
    found = head.row_with(set(wanted))
    if found is not None:
        return found
    index = max(
        range(len(head.rows)),
        key=lambda number: len({cell.strip() for cell in head.rows[number]} & wanted),
    )
    _refuse_missing(head, wanted, index)
    return index


def _refuse_missing(head: Head, wanted: Set[str], index: int) -> None:
    row = head.rows[index]
    missing = sorted(wanted - {cell.strip() for cell in row})
    if missing:
        seen = ", ".join(cell[:60] for cell in row)[:1000]
        raise MissingColumns(file=head.name, missing=", ".join(missing), seen=seen)

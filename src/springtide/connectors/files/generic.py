"""Any table with a row an order line or an event, read by a mapping or by its obvious headers."""

from typing import ClassVar

from springtide.connectors.tabular import values
from springtide.connectors.tabular.mapping import (
    DAY_FIRST,
    MONTH_FIRST,
    TEXT_WORDS,
    AmbiguousDates,
    TableMapping,
    UnknownColumns,
    find_header,
    guess,
    parse_mapping,
)
from springtide.domain.facts import fact_ids
from springtide.domain.facts.kinds import kind_words
from springtide.domain.facts.model import QUANTITY_MAX
from springtide.domain.imports.normalise import ROUNDED, SCIENTIFIC
from springtide.domain.imports.ports import (
    Check,
    Emit,
    Head,
    Reading,
    ReadOptions,
    Stage,
    StagedColumn,
)
from springtide.kit.errors import N_, Refusal
from springtide.kit.money import exponent
from springtide.kit.sql import quoted

_FACT_TEXTS = TEXT_WORDS[:8]


class NestedColumn(Refusal):
    """A column of lists or records, where one value is needed."""

    code = "nested_column"
    text = N_("{file}: the column “{column}” holds lists or records; each cell must be one value.")


class Generic:
    """A table of order lines or events; the mapping names its columns."""

    kind: ClassVar[str] = "generic"
    label: ClassVar[str] = N_("Any table with a header")
    needs: ClassVar[tuple[str, ...]] = ()

    @staticmethod
    def recognise(head: Head) -> int:
        """Return 30 for a header that is understood without a mapping."""
        try:
            guess(head)
        except UnknownColumns:
            return 0
        return 30

    @staticmethod
    def read(head: Head, stage: Stage, options: ReadOptions) -> Reading:
        """Stage the table and say how it is read."""
        mapping = parse_mapping(options.mapping) if options.mapping is not None else guess(head)
        header = find_header(head, mapping)
        # Of columns with one name the first is meant.
        columns: dict[str, StagedColumn] = {}
        cells = [cell.strip() for cell in head.rows[header]]
        for name, column in zip(cells, stage.load(head, header).values(), strict=True):
            columns.setdefault(name, column)
        for name in sorted(mapping.wanted):
            if values.is_nested(columns[name].type_):
                raise NestedColumn(file=head.name, column=name[:60])
        return _Reader(head, stage, options, mapping, columns).reading()


class _Reader:
    """Builds the reading of one table."""

    def __init__(
        self,
        head: Head,
        stage: Stage,
        options: ReadOptions,
        mapping: TableMapping,
        columns: dict[str, StagedColumn],
    ) -> None:
        self.head = head
        self.stage = stage
        self.mapping = mapping
        self.columns = columns
        self.zone = mapping.zone or options.zone
        self.exponent = 0 if mapping.unit == "minor" else exponent(options.currency)
        self.values: dict[str, str] = {}
        self.checks: list[Check] = []

    def reading(self) -> Reading:
        """Return how the table is read."""
        for word in TEXT_WORDS:
            self.values[word] = self._text(word)
        self._kind()
        self._instants()
        self._amounts()
        self._identity()
        self.values["said"] = self._props()
        return Reading(
            source=self.mapping.source,
            values=self.values,
            checks=tuple(self.checks),
            emits=tuple(self._emits()),
            labels=self._labels(),
            products=self._products(),
            customers=self._customers(),
            numbered=() if self.mapping.named("external_id") else ("kind", "name"),
            drops_copies=self.mapping.duplicates == "reject",
        )

    def _text(self, word: str) -> str:
        names = self.mapping.named(word)
        if not names:
            constant = self.mapping.constants.get(word)
            return quoted(constant) if constant is not None else "cast(null as varchar)"
        parts = [values.text(*self.columns[name]) for name in names]
        return parts[0] if len(parts) == 1 else f"concat_ws(' ', {', '.join(parts)})"

    def _label(self, word: str) -> str:
        return " + ".join(self.mapping.named(word)) or word

    def _labels(self) -> dict[str, str]:
        """Name the file's columns that a fact's columns come from."""
        labels = {word: self._label(word) for word in (*_FACT_TEXTS, "quantity", "external_id")}
        labels["discount_minor"] = self._label("discount")
        paid = (word for word in ("amount", "price", "paid_amount") if self.mapping.named(word))
        labels["amount_minor"] = self._label(next(paid, "amount"))
        return labels

    def _check(self, word: str, reason: str, bad: str) -> None:
        self.checks.append(Check(self._label(word), reason, bad))

    def _kind(self) -> None:
        if not self.mapping.named("kind"):
            self.values["kind"] = quoted(self.mapping.kind)
            return
        words = kind_words() | dict(self.mapping.kinds)
        raw = self._text("kind")
        whens = " ".join(
            f"when {quoted(word.casefold())} then {quoted(kind)}" for word, kind in words.items()
        )
        self.values["kind"] = f"case lower({raw}) {whens} end"
        self._check("kind", N_("is not a known kind of event"), "kind is null")

    def _instants(self) -> None:
        for word in ("occurred_at", "paid_at", "refunded_at"):
            names = self.mapping.named(word)
            if not names:
                self.values[word] = "cast(null as timestamptz)"
                continue
            column = self.columns[names[0]]
            if len(names) > 1:
                column = StagedColumn(self._text(word), "VARCHAR")
            formats = self.mapping.date_formats or self._guess_formats(names, *column)
            if formats and (self.head.container == "workbook" or not self.mapping.date_formats):
                formats += values.FORMATS  # a workbook's real dates stand among its texts
            self.values |= values.instants(word, column, zone=self.zone, formats=formats)
            wrong = values.impossible(word)
            if word != "occurred_at":
                self.values[f"given_{word}"] = self._text(word)
                wrong = f"given_{word} is not null and {wrong}"
            self._check(word, N_("is not a possible time"), wrong)

    def _guess_formats(
        self, names: tuple[str, ...], expression: str, type_: str
    ) -> tuple[str, ...]:
        """Tell day/month/year from month/day/year by the column's own values."""
        if type_ != "VARCHAR":
            return ()
        pattern = r"^\s*(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}|\d{2})(\s|$)"
        ((count, first, second, example),) = self.stage.connection.execute(
            f"select count(*), max(cast(regexp_extract({expression}, '{pattern}', 1) as integer)), "
            f"max(cast(regexp_extract({expression}, '{pattern}', 2) as integer)), "
            f"min({expression}) from staged where regexp_matches({expression}, '{pattern}')"
        ).fetchall()
        if not count:
            return ()
        if first > 12 and second > 12:
            # Some rows are wrong whichever way: the more usual reading rejects the fewest.
            return DAY_FIRST if "." in example else MONTH_FIRST
        if first <= 12 and second <= 12 and "." not in example:
            raise AmbiguousDates(
                file=self.head.name, column=" + ".join(names), example=example[:40]
            )
        return MONTH_FIRST if second > 12 else DAY_FIRST

    def _amounts(self) -> None:
        mapping = self.mapping
        if names := mapping.named("quantity"):
            self.values |= values.integers("quantity", self.columns[names[0]])
            self._check("quantity", N_("is not a whole number"), "quantity is null")
        else:
            self.values["quantity"] = "1" if self._sells() else "0"
        for word in ("amount", "discount", "paid_amount", "refunded_amount"):
            self._amount(word)
        if mapping.named("price") and not mapping.named("amount"):
            column = self.columns[mapping.named("price")[0]]
            self.values |= values.numbers("price", column, decimal=mapping.decimal)
            # Values stand in the order of their use.
            del self.values["amount"]
            self.values["amount"] = (
                f"try_cast(try(round(price * quantity * {10**self.exponent})) as bigint)"
            )
            self._check("price", N_("is not an amount"), "price is null")
            self._check("price", N_("is negative"), "price < 0")
            self._check("price", N_("is too large"), "amount is null")
        elif mapping.named("amount"):
            needed = "kind in ('order', 'payment', 'refund')"
            self._check("amount", N_("is missing"), f"{needed} and raw_amount is null")
        if mapping.negative == "reject":
            self._check("amount", N_("is negative"), "amount < 0")
            self._check("quantity", N_("is negative"), "quantity < 0")
        self._check("quantity", N_("is too large"), f"abs(quantity) > {QUANTITY_MAX}")
        for word in ("discount", "paid_amount", "refunded_amount"):
            self._check(word, N_("is negative"), f"{word} < 0")
        self.values["is_return"] = "coalesce(amount < 0 or quantity < 0, false)"

    def _amount(self, word: str) -> None:
        names = self.mapping.named(word)
        if not names:
            self.values[word] = "cast(null as bigint)"
            return
        place = self.columns[names[0]]
        self.values |= values.minor(
            word, place, exponent=self.exponent, decimal=self.mapping.decimal
        )
        known = f"raw_number_{word}"
        self.values[f"raw_{word}"] = known if known in self.values else values.text(*place)
        self._check(word, N_("is not an amount"), f"{word} is null and raw_{word} is not null")

    def _sells(self) -> bool:
        return self.mapping.kind in ("order", "payment", "refund")

    def _identity(self) -> None:
        """Name each row: by its own id, by order and product, or by all that it says."""
        named = self.mapping.named("external_id")
        if named:
            self.values["name"] = (
                f"concat_ws(':', {', '.join(values.text(*self.columns[n]) for n in named)})"
            )
            self._check("external_id", N_("is missing"), "name = ''")
            self._check("external_id", ROUNDED, f"regexp_matches(name, '(^|:){SCIENTIFIC}(:|$)')")
            return
        texts = ", ".join(f"coalesce({word}, '')" for word in _FACT_TEXTS)
        said = f"md5(concat_ws('|', kind, occurred_at, amount, quantity, {texts}))"
        if self.mapping.named("order_key"):
            self._check("order_key", N_("is missing"), "order_key is null and kind = 'order'")
            self.values["name"] = (
                f"case when order_key is null then {said} "
                "else concat_ws(':', order_key, product_key, sku_key) end"
            )
        else:
            self.values["name"] = said

    def _emits(self) -> list[Emit]:
        common = {word: word for word in _FACT_TEXTS}
        if self._sells() and not self.mapping.named("kind"):
            # Without an order number every row counts as one order.
            common["order_key"] = "coalesce(order_key, name)"
        common |= {"discount_minor": "coalesce(discount, 0)", "props": "said"}
        common["quantity"] = "abs(quantity)"
        amount = "abs(coalesce(amount, 0))"
        sale = "kind = 'order' and not is_return"

        is_named = self.mapping.named("external_id")

        def emit(kind: str, at: str, money: str, where: str) -> Emit:
            name = fact_ids.build_of_sql(kind, "name")
            name = name if is_named else fact_ids.numbered_sql(name)
            columns = {"kind": kind, "occurred_at": at, "amount_minor": money, "external_id": name}
            return Emit(common | columns, where)

        emits = [
            emit("kind", "occurred_at", amount, "not is_return"),
            emit("'refund'", "occurred_at", amount, "is_return"),
        ]
        mapping = self.mapping
        is_paid = "true" if mapping.paid else "false"
        if mapping.named("paid_at"):
            is_paid = "paid_at is not null"
        elif mapping.named("paid_amount"):
            is_paid = "paid_amount > 0"
        if is_paid != "false":
            paid = f"coalesce(paid_amount, {amount})"
            at = "coalesce(paid_at, occurred_at)"
            emits.append(emit("'payment'", at, paid, f"{sale} and {is_paid}"))
        if mapping.named("refunded_amount"):
            at = "coalesce(refunded_at, paid_at, occurred_at)"
            where = "refunded_amount > 0 and not is_return"
            emits.append(emit("'refund'", at, "refunded_amount", where))
        return emits

    def _props(self) -> str:
        names = self.mapping.named("props")
        if not names:
            return "'{}'"
        pairs = ", ".join(
            f"{quoted(name)}, left({values.text(*self.columns[name])}, 2000)" for name in names
        )
        return f"cast(json_object({pairs}) as varchar)"

    def _products(self) -> str | None:
        if not self.mapping.named("product_key"):
            return None
        return (
            "select product_key, max(product_name), max(product_brand), "
            "max(product_category), null, null from good where product_key is not null "
            "group by product_key"
        )

    def _customers(self) -> str | None:
        if not self.mapping.named("customer_key"):
            return None
        return (
            "select customer_key, max(customer_name), max(customer_email), null from good "
            "where customer_key is not null group by customer_key"
        )

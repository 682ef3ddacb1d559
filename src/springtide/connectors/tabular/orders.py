"""Tables of orders, whatever platform they are from: columns by name, money down to each line.

A format says which of the file's columns hold which words and which of them speak of the whole
order, however often they stand (on every line, or on the first alone). Money of the order is split
over its lines by largest remainder, so that the lines' facts sum to what the platform says.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from springtide.connectors.tabular import values
from springtide.connectors.tabular.allocation import Levels
from springtide.domain.facts import fact_ids
from springtide.domain.facts.model import QUANTITY_MAX
from springtide.domain.imports.normalise import ROUNDED, SCIENTIFIC
from springtide.domain.imports.ports import Check, Emit, Note, Reading, ReadOptions, StagedColumn
from springtide.kit.errors import N_
from springtide.kit.money import exponent
from springtide.kit.sql import quoted

TEXTS = (
    "order_key", "line_key", "status", "product_key", "sku_key", "product_name", "product_category",
    "customer_key", "customer_name", "customer_email", "source_path", "campaign_key", "reference",
)  # fmt: skip
INSTANTS = ("created_at", "paid_at", "refunded_at")
#: ``price`` a piece; of a line or an order: ``gross`` before discounts, ``due`` for the goods after
#: them, ``freight``, ``paid`` (with freight when it is of the order), ``refund`` and ``deposit``.
MONEY = ("price", "gross", "discount", "due", "freight", "paid", "refund", "deposit")
_WORDS = {*TEXTS, *INSTANTS, *MONEY, "quantity"}
#: What the whole order says in every format.
_OF_ORDER = ("created_at", "customer_key", "customer_name", "customer_email", "freight", "deposit")
#: An order's state in our words.
STATES = ("unpaid", "paid", "shipped", "done", "closed", "refunded")
_MASKED = r"[*＊]|^##|^\$\$|^~.*~$"

_UNKNOWN_STATES = N_(
    "States that are not known yet: {states} ({orders} orders). They came in all the same."
)


@dataclass(frozen=True)
class OrderTable:
    """A table with a row an order or a row a line of one.

    ``words`` names the file's column of each word (the first that is there of several; further
    words are texts that ``replaced`` may use);
    ``of_order`` the words that speak of the whole order beside those that always do; with
    ``is_filled`` their cells, the order's number too, are empty from an order's second line on.
    ``replaced`` gives a word another value than its cell: an expression in which ``told_<word>``
    stands for what the cells hold. ``states`` are the platform's states in ours. ``lines`` is a
    query of the orders' lines in place of the rows themselves, ``gathered`` their columns that are
    one for all lines of an order, by the aggregate of each. ``number`` names a line in its order
    (else it is counted), ``settled`` gives what was shared another value in the end. ``withdraws``
    and ``completes`` are a ``Reading``'s, as is ``left_out``; ``version`` is an ``Emit``'s.
    Without ``is_dated`` the file does not say when.
    """

    source: str
    columns: Mapping[str, StagedColumn]
    words: Mapping[str, str | tuple[str, ...]]
    options: ReadOptions
    of_order: frozenset[str] = frozenset()
    is_filled: bool = False
    states: Mapping[str, str] = field(default_factory=dict)
    replaced: Mapping[str, str] = field(default_factory=dict)
    formats: tuple[str, ...] = ()
    lines: str | None = None
    gathered: Mapping[str, str] | None = None
    number: str | None = None
    settled: Mapping[str, str] = field(default_factory=dict)
    withdraws: str | None = None
    completes: bool = False
    version: str = "null"
    left_out: str | None = None
    is_dated: bool = True

    def reading(self, checks: tuple[Check, ...] = (), notes: tuple[Note, ...] = ()) -> Reading:
        """Return how the table is read; ``checks`` and ``notes`` come beside the table's own."""
        return Reading(
            source=self.source,
            values=self._values(),
            checks=(*self._checks(), *checks),
            emits=tuple(self.emits()),
            products=_PRODUCTS,
            customers=_CUSTOMERS,
            labels=self._labels(),
            derived=self.derived(),
            withdraws=self.withdraws or (None if self.has("line_key") else "true"),
            completes=self.completes,
            left_out=self.left_out,
            state="status",
            notes=(*((self._unknown_states(),) if self.states else ()), *notes),
        )

    def named(self, word: str) -> str | None:
        """Return the file's column of a word."""
        names = self.words.get(word, ())
        names = (names,) if isinstance(names, str) else names
        return next((name for name in names if name in self.columns), None)

    def has(self, word: str) -> bool:
        """Tell whether a word has a value."""
        return self.named(word) is not None or word in self.replaced

    @cached_property
    def _order_words(self) -> tuple[str, ...]:
        of_order = {*_OF_ORDER, *self.of_order}
        return tuple(word for word in (*TEXTS, *INSTANTS, *MONEY) if word in of_order)

    def is_of_order(self, word: str) -> bool:
        """Tell whether a word speaks of the whole order."""
        return word in self._order_words

    def _column(self, word: str) -> StagedColumn:
        name = self.named(word)
        return self.columns[name] if name else values.NOTHING

    def _values(self) -> dict[str, str]:
        """Return the words' values: first what the cells hold, then what is made of them."""
        found: dict[str, str] = {}
        more = (word for word in self.words if word not in _WORDS)
        for word in (*TEXTS, *more):
            found[f"told_{word}"] = values.text(*self._column(word))
        for word in INSTANTS:
            at, zone = f"told_{word}", self.options.zone
            if self.named(word):
                column = self._column(word)
                found[f"given_{word}"] = values.text(*column)
                found |= values.instants(at, column, zone=zone, formats=self.formats)
            else:
                found[at] = "cast(null as timestamptz)"
        found |= self._numbers()
        replaced = {"customer_key": self._unmasked(), **self.replaced}
        if self.is_filled:
            replaced["order_key"] = "last_value(told_order_key ignore nulls) over (order by row_no)"
        if "gross" not in replaced and not self.named("gross") and self.named("price"):
            replaced["gross"] = "try_cast(told_price * quantity as bigint)"
        for word in (*TEXTS, *INSTANTS, *MONEY):
            found[word] = replaced.pop(word, f"told_{word}")
        found |= replaced
        if self.is_filled:
            found["order_created_at"] = "max(created_at) over (partition by order_key)"
        return found

    def _numbers(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for word in MONEY:
            if self.named(word):
                column, places = self._column(word), exponent(self.options.currency)
                found[f"given_{word}"] = values.text(*column)
                found |= values.minor(f"told_{word}", column, exponent=places)
            else:
                found[f"told_{word}"] = "cast(null as bigint)"
        if self.named("quantity"):
            found |= values.integers("quantity", self._column("quantity"))
        else:
            found["quantity"] = "cast(1 as bigint)"
        return found

    def _unmasked(self) -> str:
        masked = f"regexp_matches(told_customer_key, {quoted(_MASKED)})"
        return f"case when not {masked} then told_customer_key end"

    def _label(self, word: str) -> str:
        return self.named(word) or word

    def _labels(self) -> dict[str, str]:
        labels = {word: self._label(word) for word in (*TEXTS, "quantity")}
        labels["amount_minor"] = self._label("due" if self.named("due") else "price")
        labels["discount_minor"] = self._label("discount")
        labels["external_id"] = " + ".join(
            name for word in ("order_key", "line_key") if (name := self.named(word))
        )
        return labels

    def _checks(self) -> list[Check]:
        def check(word: str, reason: str, bad: str) -> Check:
            return Check(self._label(word), reason, bad)

        found = [
            check("order_key", N_("is missing"), "order_key is null"),
            check("order_key", ROUNDED, f"regexp_full_match(order_key, '{SCIENTIFIC}')"),
        ]
        created = "order_created_at" if self.is_filled else "created_at"
        if self.is_dated:
            bad = values.impossible(created)
            found.append(check("created_at", N_("is not a possible time"), bad))
        for word in INSTANTS[1:]:
            if self.named(word):
                bad = f"given_{word} is not null and {values.impossible(f'told_{word}')}"
                found.append(check(word, N_("is not a possible time"), bad))
        for word in MONEY:
            if self.named(word):
                bad = f"told_{word} is null and given_{word} is not null"
                found.append(check(word, N_("is not an amount"), bad))
                if word != "discount":
                    found.append(check(word, N_("is negative"), f"{word} < 0"))
        if self.named("quantity"):
            found.append(check("quantity", N_("is not a whole number"), "quantity is null"))
            found.append(check("quantity", N_("is negative"), "quantity < 0"))
            found.append(check("quantity", N_("is too large"), f"quantity > {QUANTITY_MAX}"))
        return found

    def derived(self) -> str:
        """Return the query of the lines with all that facts need, over ``good``."""
        gathered = self.gathered
        if gathered is None:
            gathered = dict.fromkeys(self._order_words, "max")
        number = self.number or ("line_key" if self.has("line_key") else None)
        lines = f"materialized ({self.lines})" if self.lines else "(select * from good)"
        # Most orders have one line: no window is opened for them, nor anything shared out.
        return (
            f"with lines as {lines}, several as materialized "
            "(select order_key as of_order from lines group by order_key having count(*) > 1) "
            f"{self._shared(_single(number), is_single=True)} union all by name "
            f"{self._shared(_several(gathered, number), is_single=False)}"
        )

    def _shared(self, lines: str, *, is_single: bool) -> str:
        levels = Levels(lines, partition="order_key", is_single=is_single)
        levels.add(weight="coalesce(gross, due, quantity, 1)")
        self._share_due(levels)
        self._share_paid(levels)
        levels.replace(**self.settled)
        levels.add(state=self._state())
        return levels.query

    def _share_due(self, levels: Levels) -> None:
        """Work out what each line costs, and what it was reduced by."""
        if self.has("due") and self.is_of_order("due"):
            levels.split("line_due", total="due", weight="weight")
        elif self.has("due"):
            levels.add(line_due="coalesce(due, 0)")
        elif self.has("discount") and self.is_of_order("discount"):
            levels.split("less", total="discount", weight="weight")
            levels.add(line_due="greatest(coalesce(gross, 0) - less, 0)")
        else:
            levels.add(line_due="greatest(coalesce(gross, 0) - coalesce(discount, 0), 0)")
        without_gross = "0" if self.is_of_order("discount") else "coalesce(discount, 0)"
        levels.add(
            line_discount=f"case when gross is null then {without_gross} "
            "else greatest(gross - line_due, 0) end"
        )

    def _share_paid(self, levels: Levels) -> None:
        """Work out what was paid for each line and for the freight."""
        if not self.has("paid"):
            levels.add(line_paid="line_due", freight_paid="coalesce(freight, 0)")
        elif self.is_of_order("paid"):
            levels.add(freight_paid="least(coalesce(freight, 0), coalesce(paid, 0))")
            levels.split("line_paid", total="coalesce(paid, 0) - freight_paid", weight="line_due")
        else:
            levels.add(line_paid="coalesce(paid, 0)", freight_paid="cast(0 as bigint)")

    def _state(self) -> str:
        by_time = "case when paid_at is null then 'unpaid' else 'paid' end"
        if not self.states:
            return by_time
        whens = " ".join(
            f"when {quoted(told)} then {quoted(ours)}" for told, ours in self.states.items()
        )
        return f"case status {whens} else {by_time} end"

    def emits(self) -> list[Emit]:
        """Return the facts of each line: ordered, paid, refunded; freight and closing once."""
        once = "is_first"
        told = "json_object('status', status, 'state', state)"
        common = {
            word: word
            for word in ("customer_key", "order_key", "source_path", "campaign_key", "reference")
        }
        goods = common | {"product_key": "product_key", "sku_key": "sku_key"}

        def emit(kind: str, line: str, at: str, money: str, where: str, **more: str) -> Emit:
            name = fact_ids.build_sql(kind, "order_key", *filter(None, [line]))
            columns = {"kind": quoted(kind), "occurred_at": at, "amount_minor": money}
            columns["version"] = self.version
            return Emit(columns | {"external_id": name} | more, where)

        line, freight = "line_no", quoted(fact_ids.SHIPPING)
        refunded = "coalesce(refunded_at, paid_at, created_at)"
        pieces = {"quantity": "quantity"}
        is_paid = "paid_at is not null"
        emits = [
            emit(
                "order", line, "created_at", "line_due", "true",
                discount_minor="line_discount", props=told, **goods, **pieces,
            ),
            emit("order", freight, "created_at", "freight", f"freight > 0 and {once}", **common),
            emit("payment", line, "paid_at", "line_paid", is_paid, **goods, **pieces),
            emit(
                "payment", freight, "paid_at", "freight_paid",
                f"{is_paid} and freight_paid > 0 and {once}", **common,
            ),
            emit(
                "order_closed", "", "created_at", "0",
                f"{once} and state = 'closed' and paid_at is null", **common,
            ),
        ]  # fmt: skip
        if self.has("refund") and self.is_of_order("refund"):
            only = {"product_key": "case when line_count = 1 then product_key end"}
            where = f"refund > 0 and {once}"
            emits.append(emit("refund", "", refunded, "refund", where, **common, **only))
        elif self.has("refund"):
            emits.append(emit("refund", line, refunded, "refund", "refund > 0", **goods, **pieces))
        if self.has("deposit"):
            where = f"deposit > 0 and {once}"
            emits.append(emit("deposit", "", "created_at", "deposit", where, **common))
        return emits

    def _unknown_states(self) -> Note:
        known = ", ".join(map(quoted, self.states))
        return Note(
            _UNKNOWN_STATES,
            "select string_agg(distinct left(status, 40), ', ') as states, "
            f"count(distinct order_key) as orders from derived where status not in ({known})",
        )


def _single(number: str | None) -> str:
    """Return the lines that are their orders' only ones, with the columns of ``_several``."""
    return (
        "select *, cast(1 as bigint) as line_count, true as is_first, "
        f"{number or quoted('1')} as line_no from lines "
        "where order_key not in (select of_order from several)"
    )


def _several(gathered: Mapping[str, str], number: str | None) -> str:
    """Return the other lines: each with what its order says, its number and ``is_first``."""
    told = "".join(f", {aggregate}({name}) as {name}" for name, aggregate in gathered.items())
    own = f"lines.* exclude ({', '.join(gathered)})" if gathered else "lines.*"
    turn = f"row_number() over (partition by order_key order by row_no, {number or 'row_no'})"
    return (
        f"select {own}, orders.* exclude (of_order), {turn} = 1 as is_first, "
        f"{number or f'cast({turn} as varchar)'} as line_no "
        f"from lines join (select of_order, count(*) as line_count{told} from lines "
        "join several on order_key = of_order group by of_order) as orders "
        "on lines.order_key = orders.of_order"
    )


_PRODUCTS = (
    "select product_key, max(product_name), null, max(product_category), null, null from derived "
    "where product_key is not null group by product_key"
)
_CUSTOMERS = (
    "select customer_key, max(customer_name), max(customer_email), null from derived "
    "where customer_key is not null group by customer_key"
)

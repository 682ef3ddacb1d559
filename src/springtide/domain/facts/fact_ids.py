"""How the ids of facts are put together, and read again: ``kind:order:line:…``, in one place.

An id is for good: what a file told before is found by it. A fact of an order begins with its kind
and the order's number; then comes a line, which is its number within the order, a number of the
platform's own (six digits or more), ``all`` while no file has told the lines, or ``shipping``;
then, of a refund, perhaps the after-sale that paid it back. Other facts have their own parts.

What is written here once in Python (facts that the shop itself tells) is written once in DuckDB's
SQL too (facts of a file's rows): the conditions and expressions below are SQL over the columns
``external_id``, ``kind`` and ``order_key``.
"""

from springtide.domain.facts.model import KEY_LENGTH_MAX
from springtide.kit.ids import joined
from springtide.kit.sql import quoted

#: The line that stands for all of an order's goods while no file has told the lines.
ALL_LINES = "all"
#: What is paid for the way, beside the lines.
SHIPPING = "shipping"

_OF_LINE = "^[a-z_]+:[^:]+"
#: A line that has an id of the platform's own, not a number within its order.
HAS_OWN_LINE = rf"regexp_matches(external_id, '{_OF_LINE}:\d{{6,}}$')"
#: A line with a number within its order, or all lines.
HAS_NUMBERED_LINE = rf"regexp_matches(external_id, '{_OF_LINE}:({ALL_LINES}|\d{{1,5}})$')"
IS_ALL_LINES = f"ends_with(external_id, ':{ALL_LINES}')"
IS_SHIPPING = f"ends_with(external_id, ':{SHIPPING}')"
#: An order as a whole, told without any line.
IS_WHOLE_ORDER = "external_id = kind || ':' || order_key"
#: Of an order, whichever line.
IS_OF_ORDER = "starts_with(external_id, kind || ':' || order_key)"
#: The line of a fact.
LINE = "regexp_extract(external_id, ':([^:]+)$', 1)"
_AFTER_SALE = "'^(refund:[^:]+:[^:]+):[^:]+$'"
#: A refund that names the after-sale that paid it back.
IS_OF_AFTER_SALE = f"regexp_matches(external_id, {_AFTER_SALE})"
#: The refund of the same line that names none: the one that the state of the order told.
WITHOUT_AFTER_SALE = f"regexp_extract(external_id, {_AFTER_SALE}, 1)"
_FIRST, _SECOND = (f"split_part(external_id, ':', {place})" for place in (1, 2))
#: Ids that rise together: as texts, numbers of orders rise only among those of one length.
RISING_GROUP = (
    f"case when contains(external_id, ':') and regexp_full_match({_FIRST}, '[a-z_]{{1,20}}') "
    f"then {_FIRST} || least(length({_SECOND}), 99) "
    "else least(length(external_id), 99)::varchar end"
)


def build(kind: str, *parts: str) -> str:
    """Return the id of a fact that the shop itself tells.

    >>> build("refund", "A-1", "r7", "tea")
    'refund:A-1:r7:tea'
    """
    return joined(kind, *parts, length_max=KEY_LENGTH_MAX)


def build_of_movement(transfer_id: str, step: str) -> str:
    """Return the id of what a transfer of the ledger told when it came to a step.

    A transfer's id is put together itself, so it is taken as it is.
    """
    return f"ledger:{transfer_id}:{step}"


def build_sql(kind: str, *parts: str) -> str:
    """Return the SQL of the id of a file's fact; ``parts`` are SQL of texts.

    >>> build_sql("refund", "order_key", "line_no")
    "'refund' || ':' || order_key || ':' || line_no"
    """
    return build_of_sql(quoted(kind), *parts)


def build_of_sql(kind: str, *parts: str) -> str:
    """Return the SQL of the id of a fact whose kind is told by SQL as well."""
    return " || ':' || ".join((kind, *parts))


def is_sql(kind: str, *parts: str) -> str:
    """Return the condition of the fact with exactly these parts; they are SQL of texts."""
    return f"external_id = {build_sql(kind, *parts)}"


def numbered_sql(expression: str, turn: str = "turn") -> str:
    """Return the SQL of an id whose rows may be alike: from the second on with its number."""
    return f"{expression} || case when {turn} > 1 then ':' || {turn} else '' end"

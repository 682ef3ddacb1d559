"""A customer's key leaves the lake: the files that hold it are written anew, the sums as before."""

import json
import uuid

from springtide.domain.facts import fact_ids
from springtide.domain.facts.lake import Lake, scan
from springtide.domain.facts.model import COLUMNS
from springtide.domain.facts.writing import writing
from springtide.kit.db import Database
from springtide.kit.sql import quoted

# What may stand before and after a key in a composed name.
_BEFORE, _AFTER = r"(^|[:\s/=,;|])", r"($|[:\s/=,;|~])"
_OPENS, _CLOSES = r'("|[^"]:)', r'("|:|~)'


def rename_in_lake(database: Database, lake: Lake, *, shop: str, old: str, new: str) -> int:
    """Write each file of a shop that holds a customer's key anew, with another in its place.

    Returns how many files were replaced; again replaces none. Each file is one commit, so a kill
    in between leaves whole files, and the next call does the rest.
    """
    replaced = 0
    with writing(database, lake) as writer:
        for file in [each for each in writer.snapshot.files if each.shop == shop]:
            connection = lake.connect()
            try:
                rows = f"select {', '.join(COLUMNS)} from {scan(lake.locate([file]))}"
                held = connection.execute(
                    f"select count(*) from ({rows}) where {_holds(old)}"
                ).fetchall()[0][0]
                if not held:
                    continue
                add = writer.write_file(
                    connection,
                    _renamed(rows, old, new),
                    shop=shop,
                    month=file.month,
                    name=str(uuid.uuid4()),
                )
            finally:
                connection.close()
            if add is None or json.loads(add.stats)["numRecords"] != file.row_count:
                raise RuntimeError(f"rewriting {file.path} did not keep every fact")
            writer.commit(adds=[add], removes=[file], transaction=None)
            replaced += 1
    return replaced


def _holds(old: str) -> str:
    named = [
        f"coalesce(regexp_matches(props, {_in_document(each)}), false)" for each in _written(old)
    ]
    return " or ".join([f"customer_key = {quoted(old)}", *named])


def _written(key: str) -> list[str]:
    """Return how a key stands in a document: as it is, and as JSON may write it."""
    return sorted({json.dumps(key)[1:-1], json.dumps(key, ensure_ascii=False)[1:-1]})


def _in_document(key: str) -> str:
    # Within a text of the document, alone or in a composed name: a number is no key.
    return f"{quoted(_OPENS)} || regexp_escape({quoted(key)}) || {quoted(_CLOSES)}"


def _renamed(rows: str, old: str, new: str) -> str:
    is_own = f"customer_key = {quoted(old)}"
    pattern = f"{quoted(_BEFORE)} || regexp_escape({quoted(old)}) || {quoted(_AFTER)}"
    # An order keeps its name, and so do its lines whose product is called as the buyer is: ids
    # hold facts together. Only an order's key that was put together of the buyer's goes.
    of_order = (
        f"coalesce(order_key is not null and {fact_ids.IS_OF_ORDER} "
        f"and (order_key = {quoted(old)} or not regexp_matches(order_key, {pattern})), false)"
    )
    into = quoted(f"\\1{new}\\2")
    props = "props"
    for each in _written(old):
        props = f"regexp_replace({props}, {_in_document(each)}, {into}, 'g')"
    said = {
        "customer_key": f"case when {is_own} then {quoted(new)} else customer_key end",
        "external_id": (
            f"case when {is_own} and not {of_order} "
            f"then regexp_replace(external_id, {pattern}, {into}, 'g') else external_id end"
        ),
        "reference": (
            f"case when {is_own} then regexp_replace(reference, {pattern}, {into}, 'g') "
            "else reference end"
        ),
        "props": props,
    }
    columns = ", ".join(f"{said[name]} as {name}" if name in said else name for name in COLUMNS)
    return f"select {columns} from ({rows})"

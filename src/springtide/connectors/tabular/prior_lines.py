"""What the lake knows of a file's orders, where several files of a platform tell them in parts."""

from springtide.domain.facts import fact_ids


def known_orders(source: str) -> str:
    """Return the query of the orders in ``good`` that are known: one row each, by ``of_order``."""
    return f"""
select order_key as of_order, min(occurred_at) filter (kind = 'order') as created_at,
    min(occurred_at) filter (kind = 'payment') as paid_at,
    min(occurred_at) filter (kind = 'refund') as refunded_at,
    max(customer_key) as customer_key,
    max(json_extract_string(props, '$.status')) filter (kind = 'order') as status,
    cast(sum(amount_minor) filter (kind = 'order' and not {fact_ids.IS_SHIPPING}) as bigint) as due,
    cast(sum(discount_minor) filter (kind = 'order') as bigint) as discount,
    cast(sum(amount_minor) filter (kind = 'order' and {fact_ids.IS_SHIPPING}) as bigint) as freight,
    cast(sum(amount_minor) filter (kind = 'payment') as bigint) as paid,
    cast(sum(amount_minor) filter (kind = 'refund') as bigint) as refund,
    max(version) as version,
    bool_or({fact_ids.HAS_OWN_LINE}) as has_own_lines
from known where source = '{source}' and order_key in (select order_key from good)
group by order_key having count(*) filter (kind = 'order') > 0"""


def known_lines(source: str) -> str:
    """Return the query of the known lines of the orders in ``good``, by order and ``line_no``.

    ``line_due`` and ``line_discount`` are theirs; ``line_paid`` and ``line_refund`` what was paid
    and paid back for each, null where nothing was.
    """
    of_source = f"source = '{source}' and order_key in (select order_key from good)"
    return f"""
select order_key as of_order, {fact_ids.LINE} as line_no,
    max(product_key) as product_key, max(sku_key) as sku_key,
    max(quantity) filter (kind = 'order') as quantity,
    max(amount_minor) filter (kind = 'order') as line_due,
    max(discount_minor) filter (kind = 'order') as line_discount,
    max(amount_minor) filter (kind = 'payment') as line_paid,
    max(amount_minor) filter (kind = 'refund') as line_refund,
    bool_or({fact_ids.HAS_OWN_LINE}) as is_own,
    max(version) filter (kind = 'order' and customer_key is null) as version
from known where {of_source} and kind in ('order', 'payment', 'refund')
    and not {fact_ids.IS_SHIPPING}
    and not {fact_ids.IS_ALL_LINES} and not {fact_ids.IS_WHOLE_ORDER}
group by 1, 2 having count(*) filter (kind = 'order') > 0"""

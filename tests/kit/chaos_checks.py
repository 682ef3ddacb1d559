"""What must hold when all is over: nothing acknowledged is lost, nothing happened twice."""

from collections import Counter
from collections.abc import Iterable

from springtide.connectors.channels.mailbox import Mailbox
from springtide.domain.campaigns.model import PhaseKind
from springtide.domain.facts.reader import FactReader
from springtide.domain.ledger.queries import account, imbalances
from springtide.domain.orders.queries import order
from springtide.domain.outreach.model import MessageState
from springtide.domain.pricing.queries import price_history
from springtide.domain.rewards.queries import claim_count, claims_of_reward
from springtide.flows.actions.import_file import ImportFile
from springtide.flows.timeline import planning
from springtide.flows.timeline.holding import opening
from springtide.flows.timeline.model import OPEN_STATES, State
from springtide.kit.ids import outward
from tests.kit.chaos_clients import LETTERS, STOCK, Market
from tests.kit.sales import HEROES, Sale


def open_work(market: Market) -> list[str]:
    """Return what is not through yet, of imports and sales."""
    with market.house.db.read() as tx:
        jobs = planning.jobs_of(tx, shop_id=market.shop.id, kinds=[ImportFile.kind], limit=10_000)
        for sale in market.sales:
            jobs += planning.actions_of(tx, shop_id=sale.shop_id, campaign_id=sale.campaign_id)
    return [f"{job.kind} {job.state} {job.error}" for job in jobs if job.state in OPEN_STATES]


def check_all(market: Market, mailbox: Mailbox) -> None:
    """Hold the installation to all that its customers were told."""
    assert market.told.faults == []
    check_claims(market)
    check_orders(market)
    check_facts(market)
    check_imports(market)
    for sale in market.sales:
        check_sale(sale)
    check_letters(market, mailbox)


def check_claims(market: Market) -> None:
    """Every claim that was told is kept once; claims are what left the stock; sums are zero."""
    told = [document["claim"] for document in market.told.claims.values()]
    assert len(told) == len(set(told)) > 0
    kept: list[str] = []
    customers: list[str] = []
    with market.house.db.read() as tx:
        assert imbalances(tx, shop_id=market.shop.id) == []
        for reward in market.rewards:
            count = claim_count(tx, reward_id=reward.id)
            rows = claims_of_reward(tx, reward_id=reward.id, limit=STOCK)
            assert len(rows) == count
            kept += [outward("clm", claim.id) for claim in rows]
            customers += [str(claim.customer_key) for claim in rows]
            assert account(tx, shop_id=market.shop.id, key=reward.left).available == STOCK - count
    assert set(told) <= set(kept)
    # Each customer asked once, under one key.
    assert twice(customers) == []


def check_orders(market: Market) -> None:
    """Every order that was told is there as it was told, and paid if that was told."""
    told = market.told
    assert told.payments
    with market.house.db.read() as tx:
        for key, document in told.orders.items():
            found = order(tx, shop_id=market.shop.id, key=key)
            assert outward("ord", found.id) == document["id"]
            assert found.total_minor == document["total_minor"]
        for key, document in told.payments.items():
            found = order(tx, shop_id=market.shop.id, key=key)
            assert found.paid_at is not None
            assert found.payment_key == document["payment_key"]


def check_facts(market: Market) -> None:
    """Every fact that was told is there, and each once."""
    told = market.told
    views = facts(market, "view")
    assert twice(views) == []
    assert {f"view:{each}" for each in told.events} <= set(views)
    for kind, keys in (("order", told.orders), ("payment", told.payments)):
        found = facts(market, kind)
        assert twice(found) == []
        # An order of one line is one fact, named kind:order:line.
        assert {f"{kind}:{key}" for key in keys} <= {each.rpartition(":")[0] for each in found}


def check_imports(market: Market) -> None:
    """Every row of every file that was handed over is there once."""
    with market.house.db.read() as tx:
        jobs = planning.jobs_of(tx, shop_id=market.shop.id, kinds=[ImportFile.kind], limit=10_000)
    assert Counter(job.state for job in jobs) == {State.DONE: len(market.told.files)}
    rows = Counter(
        each for each in facts(market, "order", name="order_key") if each.startswith("imp-")
    )
    wanted = Counter(each for ids in market.told.files.values() for each in ids)
    assert rows == wanted, (rows - wanted, wanted - rows)


def check_sale(sale: Sale) -> None:
    """Every price went and came back once, every letter has its end, every action is through."""
    with sale.db.read() as tx:
        found = planning.actions_of(tx, shop_id=sale.shop_id, campaign_id=sale.campaign_id)
        for key in HEROES:
            changes = price_history(tx, shop_id=sale.shop_id, product_key=key)
            whys = [change.why for change in changes if change.what == "campaign"]
            assert whys == ["restored", "set"]
    states = {action.kind: action.state for action in found}
    undone = dict.fromkeys(("send_outreach", *opening(PhaseKind.BURST)), State.UNDONE)
    assert states == {**undone, "withdraw": State.DONE}
    assert sale.messages(MessageState.SENDING) == 0


def check_letters(market: Market, mailbox: Mailbox) -> None:
    """Nobody got a letter of a sale twice, and who got one is marked as sent."""
    sent = sum(sale.messages(MessageState.SENT) for sale in market.sales)
    uncertain = sum(sale.messages(MessageState.UNCERTAIN) for sale in market.sales)
    held_out = LETTERS // 10
    assert mailbox.copies() == 0
    assert (sent, uncertain) == (mailbox.count(), 0)
    assert sent == len(market.sales) * (LETTERS - held_out)
    assert twice(facts(market, "message", of_shop=False)) == []


def facts(
    market: Market, kind: str, *, of_shop: bool = True, name: str = "external_id"
) -> list[str]:
    """Return the external ids (or another column) of all facts of a kind."""
    reader = FactReader(market.house.db, market.house.lake)
    condition = " and shop = $shop" if of_shop else ""
    params = {"kind": kind, **({"shop": market.shop.slug} if of_shop else {})}
    try:
        rows = reader.rows(f"select {name} from facts where kind = $kind{condition}", params)
    finally:
        reader.close()
    return [str(each) for (each,) in rows]


def twice(keys: Iterable[str]) -> list[str]:
    """Return the keys that are there more than once."""
    return [key for key, count in Counter(keys).items() if count > 1]

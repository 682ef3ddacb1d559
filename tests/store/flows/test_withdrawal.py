"""A sale withdrawn while its letters go out: what is sent is sent, nothing more goes."""

import threading
import time
from datetime import timedelta
from pathlib import Path

from springtide.domain.access.act import Act
from springtide.domain.campaigns.model import PhaseKind
from springtide.domain.outreach.model import MessageState
from springtide.flows.timeline import planning
from springtide.flows.timeline.holding import opening
from springtide.flows.timeline.model import State
from springtide.flows.worker import Worker
from springtide.kit.db import Database
from tests.kit.houses import SmallHouse
from tests.kit.mail import mail_sink, settings_for
from tests.kit.sales import plan_sale
from tests.kit.shops import ACTOR

CUSTOMERS = 400


def test_a_withdrawal_stops_an_outreach_in_the_middle(database: Database, tmp_path: Path) -> None:
    with mail_sink(tmp_path / "mailbox") as (mailbox, port):
        settings = settings_for(tmp_path / "data", port, database_url=database.url)
        house = SmallHouse(database, settings)
        sale = plan_sale(database, real=house.real_now(), customer_count=CUSTOMERS)
        now = sale.campaign.window(PhaseKind.WARM_UP).starts_at + timedelta(hours=1)
        sale.set_clock(now, real=house.real_now())
        with database.write() as tx:
            planning.schedule(Act.of(tx, sale.shop, ACTOR, now), campaign=sale.campaign)
            sending = planning.plan_outreach(
                Act.of(tx, sale.shop, ACTOR, now),
                campaign=sale.campaign,
                outreach_id=sale.outreach_id,
            )
        stopping = threading.Event()
        worker = threading.Thread(target=Worker(house, stopping).run)
        worker.start()
        while mailbox.count() < 20:
            time.sleep(0.01)
        with database.write() as tx:
            withdrawal = planning.withdraw_now(
                Act.of(tx, sale.shop, ACTOR, now), campaign_id=sale.campaign_id
            )
        deadline = time.monotonic() + 60
        while True:
            with database.read() as tx:
                found = planning.actions_of(tx, shop_id=sale.shop_id, campaign_id=sale.campaign_id)
            states = {action.kind: action.state for action in found}
            if states["withdraw"] == State.DONE:
                break
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
        stopping.set()
        worker.join(20)
        arrived = mailbox.count()
    cancelled = dict.fromkeys(opening(PhaseKind.BURST), State.CANCELLED)
    assert states == {**cancelled, "send_outreach": State.UNDONE, "withdraw": State.DONE}
    assert withdrawal.id in {action.id for action in found}
    assert sending.id in {action.id for action in found}
    assert 20 <= arrived < CUSTOMERS * 9 // 10
    assert sale.messages(MessageState.SENT) == arrived
    assert sale.messages(MessageState.CANCELLED) == CUSTOMERS * 9 // 10 - arrived
    assert mailbox.copies() == 0

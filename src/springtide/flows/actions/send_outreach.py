"""Send an outreach: batch by batch, each person once; undo calls off what is not sent yet."""

from typing import Any, ClassVar
from uuid import UUID

import msgspec
from sqlalchemy import Connection

from springtide.domain.access.act import Act
from springtide.domain.outreach.delivery import Sender, send_batch
from springtide.domain.outreach.model import NotFrozen, OutreachStatus, Progress
from springtide.domain.outreach.operations import cancel_outreach
from springtide.domain.outreach.ports import Channel, channels
from springtide.domain.outreach.queries import outreach, progress
from springtide.flows.timeline.action import Context
from springtide.flows.timeline.planning import SEND_OUTREACH
from springtide.kit.errors import N_, NeedsPersonError, PassingError

#: Messages between two looks at whether to go on: a stopping worker waits for no more.
BATCH = 50


class SendOutreachParams(msgspec.Struct):
    """Which outreach."""

    outreach_id: UUID


class SendOutreach:
    """Sends an outreach whose audience is fixed; sent messages stay sent."""

    kind: ClassVar[str] = SEND_OUTREACH
    label: ClassVar[str] = N_("Send an outreach")
    params: ClassVar[type] = SendOutreachParams
    is_long: ClassVar[bool] = True
    is_outward: ClassVar[bool] = True
    after: ClassVar[tuple[str, ...]] = ()
    opens: ClassVar[str] = ""

    def check(self, context: Context, params: SendOutreachParams) -> None:
        """Refuse an outreach whose audience is not fixed."""
        with context.house.db.read() as tx:
            found = outreach(tx, shop_id=context.shop.id, outreach_id=params.outreach_id)
        if found.status == OutreachStatus.DRAFT:
            raise NotFrozen(name=found.name)

    def do(self, context: Context, params: SendOutreachParams) -> Any:
        """Send until nobody is left; the channel being down passes, a wrong set-up does not."""
        post = _post(context, params.outreach_id)
        try:
            while True:
                context.checkpoint()
                result = send_batch(
                    post,
                    shop=context.shop,
                    outreach_id=params.outreach_id,
                    limit=BATCH,
                    now=context.now,
                    real_now=context.house.real_now(),
                )
                counts = _report(context, params.outreach_id)
                if result.needs_person:
                    raise NeedsPersonError(result.needs_person)
                if not result.open_count:
                    return {str(state): count for state, count in counts.counts.items()}
                if not result.sent_count:
                    raise PassingError
        finally:
            post.channel.close()

    def undo(self, context: Context, receipt: Any) -> None:
        """Call off what is not sent, and find out what became of what was under way."""
        outreach_id: UUID = context.params.outreach_id
        now, real_now = context.now, context.house.real_now()

        def work(tx: Connection) -> None:
            cancel_outreach(
                Act(tx, context.shop, context.actor, now, real_now), outreach_id=outreach_id
            )

        with context.house.db.read() as tx:
            found = outreach(tx, shop_id=context.shop.id, outreach_id=outreach_id)
        if found.status == OutreachStatus.DRAFT:
            return
        context.step("cancel", work)
        post = _post(context, outreach_id)
        try:
            send_batch(
                post,
                shop=context.shop,
                outreach_id=outreach_id,
                limit=0,
                now=now,
                real_now=real_now,
            )
        finally:
            post.channel.close()


def _post(context: Context, outreach_id: UUID) -> Sender:
    settings = context.house.settings
    with context.house.db.read() as tx:
        found = outreach(tx, shop_id=context.shop.id, outreach_id=outreach_id)
    channel: Channel = channels[found.channel].open(settings)
    return Sender(
        db=context.house.db,
        channel=channel,
        secret=settings.secret,
        public_url=settings.public_url,
        # The action has one holder at a time, so what stands in its name is its own to settle,
        # also what a holder before it took up.
        line=f"action {context.action_id}",
        turn=context.turn,
        hold=context.hold,
    )


def _report(context: Context, outreach_id: UUID) -> Progress:
    with context.house.db.read() as tx:
        counts = progress(tx, outreach_id=outreach_id)
    context.report(counts.treated_count - counts.open_count, counts.treated_count)
    return counts

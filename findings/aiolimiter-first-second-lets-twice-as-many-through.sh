#!/usr/bin/env bash
# One would guess: AsyncLimiter(100, 1) lets at most 100 calls through in any second.
# What happens: it is a bucket that is full at the start and refills while it is drained: the first
#   second lets 200 through, and so does each second after a pause; only then it is 100.
# Why it matters to a shop: a gateway for text messages or a marketplace's API that takes 100 a second
#   answers the other half of each burst with "too many": the first messages of the sale are late or,
#   where an error counts as final, lost. The average in the log is well below the limit.
# Seen with: aiolimiter 1.3.0, Python 3.11 (on a clock of its own, so that it does not depend on the
#   machine).
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install aiolimiter==1.3.0
run_python <<'EOF'
import asyncio
import selectors

from aiolimiter import AsyncLimiter


class Jump(selectors.DefaultSelector):
    """Waiting takes no time: the loop's clock jumps by it, and by a microsecond a turn."""

    now = 0.0

    def select(self, timeout=None):
        self.now += (timeout or 0) + 1e-6
        return super().select(0)


class Loop(asyncio.SelectorEventLoop):
    def __init__(self):
        self.jump = Jump()
        super().__init__(self.jump)

    def time(self):
        return self.jump.now


async def let_through(seconds, pause):
    limiter, clock = AsyncLimiter(100, 1), asyncio.get_running_loop()
    counts = []
    for _ in range(seconds):
        start, count = clock.time(), 0
        while clock.time() < start + 0.999:
            await limiter.acquire()
            count += 1
        counts.append(count)
        await asyncio.sleep(pause)
    return counts


def measured(seconds, pause):
    loop = Loop()
    counts = loop.run_until_complete(let_through(seconds, pause))
    loop.close()
    return counts


busy, paused = measured(3, 0), measured(3, 5)
print("second by second", busy, "with pauses", paused)
seen("first second above 190", busy[0] > 190, True)
seen("then about 100", [95 < count < 105 for count in busy[1:]], [True, True])
seen("above 190 after each pause", [count > 190 for count in paused], [True] * 3)
EOF

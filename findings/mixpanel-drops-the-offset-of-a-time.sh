#!/usr/bin/env bash
# One would guess: a time with a zone in an event's properties is sent as that instant.
# What happens: mixpanel's client writes the clock reading and leaves the offset out: 20:00+08:00 goes
#   out as "2026-11-11T20:00:00", and 12:00 UTC, the same instant, as "2026-11-11T12:00:00". Of two
#   services, one of which keeps UTC, the times of one event are 8 hours apart, and nothing in them
#   tells which is which.
# Why it matters to a shop: "paid at", "coupon ends at" and other times in properties cannot be compared
#   between the web server and the worker; orders of the evening stand on the day or on noon.
# Seen with: mixpanel 5.4.1, Python 3.11.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install mixpanel==5.4.1 tzdata==2026.6
run_python <<'EOF'
import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from mixpanel import Mixpanel


class Keep:
    def send(self, endpoint, message, *others):
        self.message = json.loads(message)


keep = Keep()
shanghai = datetime(2026, 11, 11, 20, tzinfo=ZoneInfo("Asia/Shanghai"))
Mixpanel("token", consumer=keep).track("customer", "paid", {"here": shanghai, "utc": shanghai.astimezone(UTC)})
sent = keep.message["properties"]
seen("sent for 20:00+08:00", sent["here"], "2026-11-11T20:00:00")
seen("sent for the same instant in UTC", sent["utc"], "2026-11-11T12:00:00")
EOF

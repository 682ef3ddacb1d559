#!/usr/bin/env bash
# One would guess: CronTrigger.from_crontab reads a crontab line as cron does: weekday 1 is Monday, and
#   0 and 7 are Sunday.
# What happens: APScheduler numbers weekdays from Monday = 0, in from_crontab as well. "0 10 * * 1" is
#   Tuesday, 0 is Monday, 7 is refused. Names (mon, tue) are right. And where day of month and weekday
#   are both given, cron (and croniter) take either of the two, from_crontab only days that are both.
# Why it matters to a shop: a line taken over from a crontab or another scheduler runs the weekly
#   report a day late: "last 7 days" then cuts through the weekend, and reads as a fall of sales.
# Seen with: APScheduler 3.11.3, croniter 6.0.0, Python 3.11.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install APScheduler==3.11.3 croniter==6.0.0 tzdata==2026.6
run_python <<'EOF'
from datetime import datetime
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger
from croniter import croniter

zone = ZoneInfo("Asia/Shanghai")
saturday = datetime(2026, 11, 7, tzinfo=zone)


def apscheduler(line):
    return CronTrigger.from_crontab(line, timezone=zone).get_next_fire_time(None, saturday).strftime("%a %d %b")


def cron(line):
    return croniter(line, saturday).get_next(datetime).strftime("%a %d %b")


for line, other, usual in (("0 10 * * 1", "Tue 10 Nov", "Mon 09 Nov"),
                           ("0 10 * * 0", "Mon 09 Nov", "Sun 08 Nov"),
                           ("0 10 * * mon", "Mon 09 Nov", "Mon 09 Nov"),
                           ("0 10 11 * fri", "Fri 11 Dec", "Wed 11 Nov")):
    seen(f"{line}, APScheduler", apscheduler(line), other)
    seen(f"{line}, croniter", cron(line), usual)
EOF

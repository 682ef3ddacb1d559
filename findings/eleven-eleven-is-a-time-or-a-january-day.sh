#!/usr/bin/env bash
# One would guess: "11.11" and "12.12 8pm", the names of the two best known sales, are read as 11
#   November and 12 December, or refused. "11-11" is read so.
# What happens: with a point dateutil takes the first number for the day and leaves the month as it is
#   now: in January "12.12 8pm" is 12 January, 20:00. dateparser takes "11.11" for a time: today,
#   11:11. "11.11 20:00" it does not read; dateutil makes it the 11th of this month at 20:00.
# Why it matters to a shop: a plan that is pasted or mailed as text ("11.11 20:00") begins at once, or
#   is past already. In a test that is run in November dateutil is right.
# Seen with: python-dateutil 2.9.0.post0, dateparser 1.5.0, Python 3.11.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install python-dateutil==2.9.0.post0 dateparser==1.5.0
run_python <<'EOF'
from datetime import datetime

import dateparser
from dateutil import parser


def dateutil(text, now):
    return str(parser.parse(text, default=now))


january, november = datetime(2026, 1, 5), datetime(2026, 11, 5)
seen("dateutil 11.11 20:00, in January", dateutil("11.11 20:00", january), "2026-01-11 20:00:00")
seen("dateutil 12.12 8pm, in January", dateutil("12.12 8pm", january), "2026-01-12 20:00:00")
seen("dateutil 11.11 20:00, in November", dateutil("11.11 20:00", november), "2026-11-11 20:00:00")
seen("dateutil 11-11 20:00, in January", dateutil("11-11 20:00", january), "2026-11-11 20:00:00")
base = {"RELATIVE_BASE": datetime(2026, 10, 20, 9, 0)}
seen("dateparser 11.11", str(dateparser.parse("11.11", settings=base)), "2026-10-20 11:11:00")
seen("dateparser 11.11 20:00", dateparser.parse("11.11 20:00", settings=base), None)
EOF

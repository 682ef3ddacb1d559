#!/usr/bin/env bash
# One would guess: "20261111" is a compact ISO date, as datetime.fromisoformat reads it, or
#   is refused; and a Decimal from JSON has the digits that stand there.
# What happens: pydantic takes a text of digits for seconds since 1970: as a datetime it is 23 August
#   1970, 12:05:11. As a date it is refused, unless the number happens to be a whole day of seconds.
#   A Decimal of a JSON number goes through a float: 12345678901234567.89 loses its end, and 19.90 is
#   19.9. Of a JSON text it is exact.
# Why it matters to a shop: exports write days as 20261111. With a datetime in the model every order of
#   the sale is from 1970, "older than 90 days" and is archived, or expired; nothing is refused.
# Seen with: pydantic 2.14.4, Python 3.11.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install pydantic==2.14.4
run_python <<'EOF'
from datetime import date, datetime
from decimal import Decimal

from pydantic import TypeAdapter, ValidationError

seen("Python", str(datetime.fromisoformat("20261111")), "2026-11-11 00:00:00")
seen("pydantic, datetime", str(TypeAdapter(datetime).validate_json('"20261111"')), "1970-08-23 12:05:11+00:00")
try:
    outcome = str(TypeAdapter(date).validate_json('"20261111"'))
except ValidationError as error:
    outcome = error.errors()[0]["type"]
seen("pydantic, date", outcome, "date_from_datetime_inexact")
seen("pydantic, date of a whole day", str(TypeAdapter(date).validate_json('"20217600"')), "1970-08-23")
amount = TypeAdapter(Decimal)
seen("Decimal of a number", str(amount.validate_json("12345678901234567.89")), "12345678901234568")
seen("Decimal of a text", str(amount.validate_json('"12345678901234567.89"')), "12345678901234567.89")
seen("Decimal of 19.90", str(amount.validate_json("19.90")), "19.9")
EOF

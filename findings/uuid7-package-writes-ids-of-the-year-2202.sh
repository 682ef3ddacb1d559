#!/usr/bin/env bash
# One would guess: the package named uuid7 makes what RFC 9562 calls a UUID of version 7, so that ids of
#   several services sort by time together and give their time back.
# What happens: it keeps to an early draft, with seconds and fractions where the standard has
#   milliseconds. The version field says 7 all the same, so every reader takes it: DuckDB and
#   uuid_utils date an id of November 2026 into 2202, and even one of 2021 sorts after those
#   that other libraries make in 2026.
# Why it matters to a shop: "since id X" and keyset pages over orders of two services skip or repeat
#   rows, and a time read back from an id, for retention or for a report, is 176 years off.
# Seen with: uuid7 0.1.0, uuid_utils 1.2.0, duckdb 2.0.0, Python 3.11.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install uuid7==0.1.0 uuid_utils==1.2.0 duckdb==2.0.0 pytz==2026.6
run_python <<'EOF'
from datetime import UTC, datetime
from uuid import UUID

import duckdb
import uuid_utils
from uuid_extensions import uuid7

#: 11 November 2026, 20:00 in Shanghai.
moment = datetime(2026, 11, 11, 12, tzinfo=UTC)
draft = uuid7(int(moment.timestamp()) * 1_000_000_000)
standard = UUID(str(uuid_utils.uuid7(nanoseconds=int(moment.timestamp()) * 1_000_000_000)))
seen("version", (draft.version, standard.version), (7, 7))


def year(each):
    return duckdb.execute("select year(uuid_extract_timestamp(?))", [each]).fetchone()[0]


seen("year by DuckDB, of uuid7", year(draft), 2202)
seen("year by DuckDB, of uuid_utils", year(standard), 2026)
seen("year by uuid_utils, of uuid7",
     datetime.fromtimestamp(uuid_utils.UUID(str(draft)).timestamp / 1000, UTC).year, 2202)
earlier = uuid7(int(datetime(2021, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000_000)
seen("an id of 2021 sorts after one of 2026", earlier > standard, True)
EOF

"""How fast files come in, beside DuckDB that reads the same CSV into Parquet without a check.

Clean order lines in UTF-8 and GBK, a workbook, and Taobao's order report; and whether a row costs
more when much is known already, or in a file ten times as long.
"""

import csv
import multiprocessing
import os
import resource
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from springtide.bootstrap import real_instant
from springtide.domain.access.model import Actor
from springtide.domain.access.operations import create_shop
from springtide.domain.facts.lake import Lake
from springtide.flows.files.imports import import_file
from springtide.flows.files.table_load import Target
from springtide.kit.db import Database
from springtide.migrations import migrate
from tests.kit.workbooks import workbook

NOW = datetime(2026, 1, 5, tzinfo=UTC)
ACTOR = Actor("command", "bench", "bench")
#: Rows of the clean file; how many times as long the long one is; rows of the workbook.
ROWS = int(os.environ.get("BENCH_ROWS", "1000000"))
LONG = int(os.environ.get("BENCH_LONG", "10"))
SHEET_ROWS = 20_000

_LINES = """
select 'o' || (i // 2 + {start}) as order_id, 'c' || ((i // 2) * 7919 % {customers}) as customer_id,
    'p' || (i * 31 % 2000) as product_id,
    strftime(timestamp '2024-01-01' + to_seconds(cast(i * 31536000.0 / {count} as bigint)),
        '%Y-%m-%d %H:%M:%S') as order_date,
    1 + i % 3 as quantity, printf('%d.%02d', 10 + i % 300, i % 100) as amount,
    printf('%d.00', i % 5) as discount, '{name} ' || (i * 31 % 2000) as product_name
from range({count}) t(i)"""
_ORDERS = """
select '="' || (4600000000000000000 + i) || '"' as 订单编号,
    'tb' || (i * 7919 % {customers}) as 买家会员名,
    printf('%d.%02d', 10 + i % 300, i % 100) as 买家应付货款, '5.00' as 买家应付邮费,
    printf('%d.%02d', 15 + i % 300, i % 100) as 总金额,
    printf('%d.%02d', 15 + i % 300, i % 100) as 买家实际支付金额, '交易成功' as 订单状态,
    strftime(moment, '%Y-%m-%d %H:%M:%S') as 订单创建时间,
    strftime(moment + interval 1 minute, '%Y-%m-%d %H:%M:%S') as "订单付款时间 ",
    '明前龙井 50g 罐装' as "宝贝标题 ", '1' as 宝贝总数量, '0.00' as 退款金额
from (select i, timestamp '2024-01-01' + to_seconds(cast(i * 31536000.0 / {count} as bigint))
    as moment from range({count}) t(i))"""


def run() -> list[dict[str, Any]]:
    """Measure each kind of file in a process of its own, and DuckDB alone on the same CSV."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        files = _files(home)
        bare = min(_bare(files["clean"], home / "bare.parquet") for _ in range(3))
        found = []
        for name, goal in (
            ("clean", 50_000), ("gbk", None), ("workbook", None), ("taobao", None), ("long", None),
        ):  # fmt: skip
            seconds, rows, peak = _apart(home / f"house-{name}", [files[name]])[-1]
            found.append(
                _speed(name, rows / seconds, goal, ROWS / bare if name == "clean" else None)
            )
            found.append(_memory(name, peak))
        empty, *_, full = _apart(
            home / "house-full", [files["small"], files["long"], files["more"]]
        )
        found.append(
            {
                "name": f"import of {ROWS // 10:,} rows beside {ROWS * LONG:,} known ones",
                "value": full[1] / full[0],
                "unit": "rows/s",
                "baseline": empty[1] / empty[0],
                "ratio": full[0] / full[1] / (empty[0] / empty[1]),
                "goal": "the cost of a row does not grow (ratio 1)",
                "met": full[0] / full[1] / (empty[0] / empty[1]) <= 1.2,
            }
        )
    return found


def _files(home: Path) -> dict[str, Path]:
    files = {}
    with duckdb.connect(config={"threads": 2}) as connection:

        def write(name: str, query: str, count: int, start: int = 0) -> None:
            files[name] = home / f"{name}.csv"
            filled = query.format(
                count=count, start=start, customers=max(count // 20, 10), name="明前龙井"
            )
            connection.execute(f"copy ({filled}) to '{files[name]}' (header)")

        write("clean", _LINES, ROWS)
        write("long", _LINES, ROWS * LONG)
        write("small", _LINES, ROWS // 10, start=10**8)
        write("more", _LINES, ROWS // 10, start=2 * 10**8)
        write("taobao", _ORDERS, ROWS)
    files["gbk"] = home / "gbk.csv"
    files["gbk"].write_bytes(files["clean"].read_text("utf-8").encode("gb18030"))
    with files["clean"].open(encoding="utf-8", newline="") as file:
        rows = [row for row, _ in zip(csv.reader(file), range(SHEET_ROWS), strict=False)]
    files["workbook"] = home / "lines.xlsx"
    files["workbook"].write_bytes(workbook(rows))
    return files


def _bare(source: Path, target: Path) -> float:
    began = time.perf_counter()
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute(f"copy (select * from read_csv('{source}')) to '{target}'")
    return time.perf_counter() - began


def _apart(home: Path, files: list[Path]) -> list[tuple[float, int, int]]:
    """Import files one after another in a process of its own; seconds, rows and peak memory."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_import, (str(home), [str(path) for path in files]))


def _import(home: str, files: list[str]) -> list[tuple[float, int, int]]:
    folder = Path(home)
    folder.mkdir()
    database = Database(f"sqlite:///{folder / 'state.db'}")
    database.clock = real_instant
    migrate(database)
    with database.write() as tx:
        shop = create_shop(
            tx, slug="tide", name="Tide", currency="CNY", zone_name="Asia/Shanghai",
            actor=ACTOR, now=NOW,
        )  # fmt: skip
    target = Target(database, Lake(folder / "lake"), folder / "rejects", _now)
    found = []
    for path in files:
        began = time.perf_counter()
        done = import_file(target, Path(path), shop=shop, actor=ACTOR)
        seconds = time.perf_counter() - began
        if done.rows.rejected or not done.rows.new:
            raise RuntimeError(f"{path}: {done.rows}")
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        found.append((seconds, done.rows.read, peak))
    database.close()
    return found


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - ids rise with the real clock


def _speed(name: str, speed: float, goal: int | None, bare: float | None) -> dict[str, Any]:
    ratio = speed / bare if bare else None
    return {
        "name": f"import: {name}",
        "value": speed,
        "unit": "rows/s",
        "baseline": bare,
        "ratio": ratio,
        "goal": "50,000 rows/s and a third of DuckDB alone" if goal else None,
        "met": speed >= goal and ratio is not None and ratio >= 1 / 3 if goal else None,
    }


def _memory(name: str, peak: int) -> dict[str, Any]:
    return {
        "name": f"import: peak memory, {name}",
        "value": peak / 2**20,
        "unit": "MB",
        "baseline": None,
        "ratio": None,
        "goal": "under 1 GB",
        "met": peak < 2**30,
    }

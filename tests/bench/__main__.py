"""Run the benchmarks: python -m tests.bench [NAME...]; prints a table and writes bench.json."""

import importlib
import json
import pkgutil
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import tests.bench


def main(wanted: list[str]) -> None:
    """Run the modules named, or all, each a ``run() -> list of measurements``."""
    names = [info.name for info in pkgutil.iter_modules(tests.bench.__path__)]
    modules = {
        name: importlib.import_module(f"tests.bench.{name}") for name in names if name != "__main__"
    }
    benchmarks = {name: module.run for name, module in modules.items() if hasattr(module, "run")}
    if unknown := set(wanted) - set(benchmarks):
        sys.exit(
            f"no benchmark is called {', '.join(sorted(unknown))}; {', '.join(benchmarks)} are"
        )
    rows: list[dict[str, Any]] = []
    for name in wanted or benchmarks:
        rows += benchmarks[name]()
    columns = ("name", "value", "unit", "baseline", "ratio", "goal", "met")
    table = Table(*columns)
    for row in rows:
        table.add_row(*(_shown(row.get(column)) for column in columns))
    Console().print(table)
    Path("bench.json").write_text(json.dumps(rows, indent=2) + "\n")


def _shown(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,.3g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main(sys.argv[1:])

"""The demo shop that benchmarks run on, built or copied, with its servers."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.kit.demo_shop import DemoShop, demo_shop


@contextmanager
def built_demo() -> Iterator[DemoShop]:
    """Give a running demo shop before its day, in a folder that goes away.

    ``SPRINGTIDE_BENCH_DATA`` names a data folder to copy, which spares the building.
    """
    given = os.environ.get("SPRINGTIDE_BENCH_DATA")
    with tempfile.TemporaryDirectory(prefix="springtide-bench-") as folder:
        data = Path(folder) / "var"
        if given:
            shutil.copytree(given, data)
        else:
            data.mkdir()
        with demo_shop(data) as shop:
            yield shop

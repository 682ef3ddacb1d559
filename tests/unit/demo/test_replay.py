"""Of two who run the demo's day over one data folder, the second is refused."""

import subprocess
import sys
from pathlib import Path

import pytest

from springtide.demo.replay import DayRunning, alone

_HOLD = """
import sys, time
from pathlib import Path
from springtide.demo.replay import alone
with alone(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_the_day_is_run_by_one_process_at_a_time_and_a_killed_one_lets_go(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _HOLD, str(tmp_path)]
    source = str(Path(__file__).parents[3] / "src")
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": source}
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(DayRunning), alone(tmp_path):
            pass
        other.kill()
    with alone(tmp_path):
        pass

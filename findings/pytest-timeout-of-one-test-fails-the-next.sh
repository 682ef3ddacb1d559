#!/usr/bin/env bash
# One would guess: a limit of time marked on a test concerns that test; and a limit of one second that is
#   over says "Timeout".
# What happens: the limit covers the fixtures that the test happens to be the first to need. If the
#   session's database takes longer to start than the first test may, its start is cut short, and
#   every later test that needs it fails with "Timeout (>1.0s)", though it has no limit, for the
#   failed fixture is kept. In another order, or alone, all pass. Under Hypothesis the limit ends one
#   example; Hypothesis tries that again, without a limit by now, and reports a flaky test.
# Why it matters to a shop: on the busy evening before a release a hundred tests are red by the mark of
#   one, and a slow property is taken for an unsteady one: time is spent in the wrong place.
# Seen with: pytest-timeout 2.4.0, pytest 9.2.0, hypothesis 6.170.17, Python 3.11.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install pytest-timeout==2.4.0 pytest==9.2.0 hypothesis==6.170.17
cat >test_order.py <<'EOF'
import time

import pytest


@pytest.fixture(scope="session")
def database():
    time.sleep(2)
    return 1


@pytest.mark.timeout(1)
def test_with_limit(database):
    assert database


def test_without_limit(database):
    assert database
EOF
cat >test_property.py <<'EOF'
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.mark.timeout(1)
@settings(database=None, deadline=None, max_examples=60, derandomize=True)
@given(st.integers())
def test_slow(number):
    time.sleep(0.05)
EOF
export COLUMNS=200
run_tests() { .venv/bin/python -m pytest -q -p no:cacheprovider -rA "$@" 2>&1 || true; }
run_tests test_order.py >order.txt
run_tests test_order.py::test_without_limit test_order.py::test_with_limit >other.txt
run_tests test_property.py >property.txt
run_python <<'EOF'
import re
from pathlib import Path


def outcomes(name):
    return re.findall(r"^(PASSED|FAILED|ERROR) \S+::(\w+)(.*)$", Path(name).read_text(), re.M)


limit = " - Failed: Timeout (>1.0s) from pytest-timeout."
seen("the one with the limit first", outcomes("order.txt"),
     [("ERROR", "test_with_limit", limit), ("ERROR", "test_without_limit", limit)])
seen("the other first", outcomes("other.txt"),
     [("PASSED", "test_without_limit", ""), ("PASSED", "test_with_limit", "")])
property = Path("property.txt").read_text()
seen("outcome under Hypothesis", outcomes("property.txt")[0][:2], ("FAILED", "test_slow"))
seen("called flaky", "flaky" in property.lower(), True)
EOF

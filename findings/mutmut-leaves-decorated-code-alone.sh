#!/usr/bin/env bash
# One would guess: where mutmut ends with every mutant killed, each limit and rate of the module was
#   tried and the tests noticed.
# What happens: it makes no mutants at all of functions with a decorator such as cache or
#   property, of constants of a module, of fields of a
#   dataclass or of a lambda, and it does not list what it passed over. Below 6 of 6 are killed while
#   no test touches the cached function, the property, the fee or the limit.
# Why it matters to a shop: prices live in just such places (cached look-ups, properties of a cart,
#   FREE_FROM = 300): "300 and above" may be "above 300", under a score of 100%.
# Seen with: mutmut 3.8.1, pytest 9.2.0, Python 3.11.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install mutmut==3.8.1 pytest==9.2.0
mkdir -p src/shop tests
: >src/shop/__init__.py
cat >src/shop/price.py <<'EOF'
from dataclasses import dataclass
from functools import cache

FREE_FROM = 300


def plain(total: int) -> int:
    return total - 50 if total >= 300 else total


@cache
def cached(total: int) -> int:
    return total - 50 if total >= 300 else total


@dataclass(frozen=True)
class Cart:
    total: int
    fee: int = 8

    @property
    def due(self) -> int:
        return self.total if self.total >= FREE_FROM else self.total + self.fee


points = lambda total: total // 10
EOF
cat >tests/test_price.py <<'EOF'
from shop.price import plain


def test_plain():
    assert [plain(total) for total in (299, 300, 301)] == [299, 250, 251]
EOF
printf '[mutmut]\nsource_paths=src/\npytest_add_cli_args_test_selection=tests/\n' >setup.cfg
quietly .venv/bin/mutmut run --max-children 1
.venv/bin/mutmut results --all true >results.txt 2>/dev/null
run_python <<'EOF'
from pathlib import Path

lines = [line.split(": ") for line in Path("results.txt").read_text().split("\n") if ": " in line]
seen("mutants", len(lines), 6)
seen("of which functions", {name.strip().split("__mutmut")[0] for name, _ in lines}, {"shop.price.x_plain"})
seen("fates", {fate for _, fate in lines}, {"killed"})
EOF

#!/usr/bin/env bash
# One would guess: a contract "shop.money must not import sqlite3", indirect imports counted, holds only
#   if importing shop.money does not load sqlite3; and a layer's files are all looked at.
# What happens: Python runs every __init__.py on the way, import-linter (grimp) draws no line to them.
#   With "import sqlite3" in shop/__init__.py the contract is kept while import shop.money loads
#   it. A folder without __init__.py, which Python imports happily, is not in the graph at all: its
#   import of a higher layer is kept, too. And "import shop" followed by shop.high.rules in the code
#   is a line to shop only. "from shop.high import rules" is found.
# Why it matters to a shop: what was kept apart on purpose (a quick start, a pricing without a database,
#   so that a price can be replayed) is loaded all the same, and the house's picture says it is not.
# Seen with: import-linter 2.17, grimp 3.20, Python 3.11.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install import-linter==2.17 grimp==3.20
mkdir -p shop/high shop/low/jobs
touch shop/__init__.py shop/high/__init__.py shop/low/__init__.py
echo 'PRICE = 1' >shop/high/rules.py
echo 'CENTS = 100' >shop/low/money.py
cat >.importlinter <<'EOF'
[importlinter]
root_package = shop
include_external_packages = True
[importlinter:contract:layers]
name = layers
type = layers
layers =
    shop.high
    shop.low
[importlinter:contract:apart]
name = apart
type = forbidden
source_modules = shop.low.money
forbidden_modules = sqlite3
EOF
verdict() { { .venv/bin/lint-imports --no-cache 2>&1 || true; } | grep -oE '(layers|apart) (KEPT|BROKEN)' | paste -sd ' '; }
verdict >clean.txt
echo 'import sqlite3' >shop/__init__.py
verdict >parent.txt
.venv/bin/python -c 'import sys, shop.low.money; print("sqlite3" in sys.modules)' >loaded.txt
: >shop/__init__.py
echo 'from shop.high import rules' >shop/low/jobs/nightly.py
verdict >folder.txt
.venv/bin/python -c 'from shop.low.jobs import nightly; print(nightly.rules.PRICE)' >works.txt
touch shop/low/jobs/__init__.py
verdict >package.txt
rm -r shop/low/jobs
printf 'import shop\n\n\ndef price():\n    return shop.high.rules.PRICE\n' >shop/low/money.py
verdict >dotted.txt
run_python <<'EOF'
from pathlib import Path

for what, name, expected in (
        ("nothing wrong", "clean", "layers KEPT apart KEPT"),
        ("sqlite3 in the package's __init__", "parent", "layers KEPT apart KEPT"),
        ("is it loaded?", "loaded", "True"),
        ("upward import in a folder without __init__", "folder", "layers KEPT apart KEPT"),
        ("does that import work?", "works", "1"),
        ("the same with an __init__", "package", "layers BROKEN apart KEPT"),
        ("import shop, then shop.high.rules", "dotted", "layers KEPT apart KEPT")):
    seen(what, Path(f"{name}.txt").read_text().strip(), expected)
EOF

#!/usr/bin/env bash
# One would guess: a function that nothing calls is unused, and a name is used where something reads that
#   very thing.
# What happens: vulture compares names only, over all files. A function whose only caller is itself
#   counts as used, and so does a pair that call each other; a dead function "banner" is used because
#   another file has a variable of its own of that name, or the name in a "%(banner)s" % locals(). A
#   function with the same lack of callers and a name of its own is reported.
# Why it matters to a shop: the clean-up after a sale leaves last year's recursive price search and
#   everything it calls in place, under a report that says "nothing is unused", and it comes back
#   to life with the next auto-completion.
# Seen with: vulture 2.16, Python 3.11.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install vulture==2.16
cat >shop.py <<'EOF'
def old_search(depth):
    return old_price() if depth == 0 else old_search(depth - 1)


def old_price():
    return 1


def ping(depth):
    return pong(depth)


def pong(depth):
    return ping(depth)


def banner():
    return 1


def label():
    return 1


def lonely():
    return 1
EOF
cat >main.py <<'EOF'
banner = 3
print(banner)
print("%(label)s" % locals())
EOF
{ .venv/bin/vulture --min-confidence 0 shop.py main.py || true; } >unused.txt
run_python <<'EOF'
import re
from pathlib import Path

seen("unused, by vulture", re.findall(r"unused \w+ '(\w+)'", Path("unused.txt").read_text()), ["lonely"])
EOF

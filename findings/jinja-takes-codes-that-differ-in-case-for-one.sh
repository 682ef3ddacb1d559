#!/usr/bin/env bash
# One would guess: "unique" drops texts that are equal, "groupby" groups by equal values.
# What happens: both fold case first. Of aB1, AB1 and ab1 "unique" leaves only the first, and groupby
#   puts the lines of all three under the first one's name. "==", "in" and dictionaries of the same
#   template tell them apart. case_sensitive=true makes both exact.
# Why it matters to a shop: coupon codes and ids with capital and small letters are common. A mail that
#   lists a customer's codes leaves one out; a note that sums up by code adds up two different ones.
# Seen with: Jinja2 3.1.6, Python 3.11.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install Jinja2==3.1.6
run_python <<'EOF'
from jinja2 import Environment


def render(template):
    lines = [{"code": "aB1", "yuan": 5}, {"code": "AB1", "yuan": 50}, {"code": "x", "yuan": 1}]
    return Environment().from_string(template).render(lines=lines)


seen("unique", render("{{ lines | map(attribute='code') | unique | join(' ') }}"), "aB1 x")
seen("unique, exact", render("{{ lines | map(attribute='code') | unique(true) | join(' ') }}"),
     "aB1 AB1 x")
seen("groupby", render("{% for code, each in lines | groupby('code') %}"
                       "{{ code }}={{ each | sum(attribute='yuan') }} {% endfor %}"), "aB1=55 x=1 ")
seen("equal", render("{{ 'aB1' == 'AB1' }}"), "False")
EOF

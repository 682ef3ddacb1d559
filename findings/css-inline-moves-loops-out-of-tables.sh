#!/usr/bin/env bash
# One would guess: inlining the styles of a mail's template, before names and lines are filled in,
#   changes styles and nothing else.
# What happens: css-inline reads the template as a browser would, and text straight inside a table has
#   no place there: "{% for %}" and "{% endfor %}" are moved in front of the table, side by side. The
#   template stays valid. Filled in, the loop repeats nothing, and the table has one row, in which the
#   loop's variable is unknown and so empty. premailer leaves the loop where it is.
# Why it matters to a shop: order confirmations have one row, an empty one, whatever was bought; texts,
#   greeting and total are right, and nothing raises.
# Seen with: css-inline 0.24.0, premailer 3.10.0, Jinja2 3.1.6, Python 3.11.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install css-inline==0.24.0 premailer==3.10.0 Jinja2==3.1.6
run_python <<'EOF'
import re

import css_inline
from jinja2 import Template
from premailer import transform

template = ("<html><head><style>td{color:red}</style></head><body><table>{% for line in lines %}"
            "<tr><td>{{ line }}</td></tr>{% endfor %}</table></body></html>")


def cells(made):
    return re.findall(r"<td[^>]*>(.*?)</td>", Template(made).render(lines=["tea", "cup"]))


seen("not inlined", cells(template), ["tea", "cup"])
seen("css-inline", cells(css_inline.inline(template)), [""])
seen("the loop now", re.search(r"<body>(.*?)<table>", css_inline.inline(template)).group(1),
     "{% for line in lines %}{% endfor %}")
seen("premailer", cells(transform(template)), ["tea", "cup"])
seen("filled in first", cells(css_inline.inline(Template(template).render(lines=["tea", "cup"]))),
     ["tea", "cup"])
EOF

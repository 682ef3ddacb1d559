#!/usr/bin/env bash
# One would guess: a measure of a model depends on its scores and not on the order of the file; equal
#   scores are shared out or refused.
# What happens: scikit-uplift's uplift_at_k takes the first k of equal scores as they stand. A model
#   that gives everybody the same score has an uplift of 0.04 in the top 30% of a shuffled file, and -0.86
#   or 0.95 in the same file sorted by outcome. The Qini coefficient is 0 each time.
# Why it matters to a shop: scores by tiers or rules have few values, and exports are sorted, by date of
#   the order or with buyers first. The number that decides who gets coupons is made by the sorting.
# Seen with: scikit-uplift 0.5.1, scikit-learn 1.9.1, numpy 2.4.6, pandas 2.3.3, Python 3.11.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
pip_install scikit-uplift==0.5.1 scikit-learn==1.9.1 numpy==2.4.6 pandas==2.3.3
run_python <<'EOF'
import numpy as np
from sklift.metrics import qini_auc_score, uplift_at_k

chance = np.random.default_rng(1)
bought, mailed = chance.integers(0, 2, 1000), chance.integers(0, 2, 1000)
score = np.zeros(1000)


def top(order):
    return round(float(uplift_at_k(bought[order], score, mailed[order], strategy="overall", k=0.3)), 2)


as_it_comes = np.arange(1000)
mailed_buyers_first = np.argsort(-(bought * (2 * mailed - 1)), kind="stable")
mailed_buyers_last = mailed_buyers_first[::-1]
seen("as it comes", top(as_it_comes), 0.04)
orders = {"mailed buyers first": top(mailed_buyers_first), "mailed buyers last": top(mailed_buyers_last)}
print(orders)
seen("sorted orders lie far apart", abs(orders["mailed buyers first"] - orders["mailed buyers last"]) > 1, True)
seen("Qini", {float(qini_auc_score(bought[order], score, mailed[order]))
              for order in (as_it_comes, mailed_buyers_first, mailed_buyers_last)}, {0.0})
EOF

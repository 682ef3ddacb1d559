"""Facts: everything that happened, one row each, in one append-only table.

New facts go to a tail in the state database; the sealer moves them to a Delta Lake table (the
lake). A reader sees both as one relation, each fact once, in its newest version.
"""

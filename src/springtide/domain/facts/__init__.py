"""Facts: everything that happened, one row each, in one append-only table."""

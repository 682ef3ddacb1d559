"""Customers: the customer file, consent and tiers."""

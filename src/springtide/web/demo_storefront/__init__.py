"""A sample shop window of demo shops."""

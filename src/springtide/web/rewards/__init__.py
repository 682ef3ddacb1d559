"""Rewards and games, draws, gifts by hand, the ledger."""

"""The demo shop: the Complete Journey year, simulated browsing, and a replayed day."""

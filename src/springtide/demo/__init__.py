"""The demo shop: built from the Complete Journey year, with simulated browsing and a replayed day."""

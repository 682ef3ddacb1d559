"""Benchmarks: commands, not timed tests; each prints ratios to a baseline of the same run."""

"""Claims of rewards: the desk, the waiting room before it, who may, and gifts by hand."""

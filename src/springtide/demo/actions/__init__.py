"""What the worker does for demo shops alone."""

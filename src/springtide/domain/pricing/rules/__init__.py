"""The promotion rules, one module each."""

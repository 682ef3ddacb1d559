"""Orders: placed, paid, closed; each change also becomes a fact."""

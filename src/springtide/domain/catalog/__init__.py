"""The catalog: the shop's products by its own keys."""

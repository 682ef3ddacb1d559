"""Checkout: a cart becomes a quote, an order, a return; what it earns, and who buys."""

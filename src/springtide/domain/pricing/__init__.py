"""Pricing: promotion rules and price book to the price of a cart, as a pure function."""

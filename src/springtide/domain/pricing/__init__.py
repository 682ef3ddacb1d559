"""Pricing: promotion rules and price book to the price of a cart, as a pure function."""

from springtide.kit.compiled import prefer

#: Whether the search runs as machine code; prices are the same either way.
IS_COMPILED = prefer(__name__, __path__)

"""Pricing: promotion rules and price book to the price of a cart, as a pure function.

``rule`` says what a rule is, ``rules/`` holds the kinds. ``plan`` compiles a shop's rules,
``priced_cart`` lays a cart under them, ``items`` lists the prices that lines can have; ``search``
finds the best legal ``stack`` within ``bounds``; ``engine`` writes the decision, ``explain`` says
why, ``replay`` makes it again, ``returns`` says what goes back. ``book`` and ``terms`` are what is
saved.
"""

from springtide.kit.compiled import prefer

#: Whether the search runs as machine code; prices are the same either way.
IS_COMPILED = prefer(__name__, __path__)

"""Actions made for the tests; they write what they did into a table of their own."""

"""The house rules: rooms, sizes, names, languages and routes, kept at every run."""

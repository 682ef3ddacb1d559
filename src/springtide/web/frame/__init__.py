"""The frame of every page: the door, templates, words, forms, errors."""

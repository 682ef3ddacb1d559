"""A shop's files: detected, normalised to facts, merged with what is known; records of it all."""

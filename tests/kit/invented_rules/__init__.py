"""A rule of a package of its own: what its class says is all that anybody knows of it."""

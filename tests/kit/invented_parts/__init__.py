"""A kind of event, a metric and a format that nobody knows: one file each, as one would copy it."""

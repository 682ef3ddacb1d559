"""Durable work: the timeline of a sale, and what rooms of one level do together."""

"""Outreach: what is sent to whom, and the way out of it."""

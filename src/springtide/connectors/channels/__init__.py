"""Outreach channels, one module each."""

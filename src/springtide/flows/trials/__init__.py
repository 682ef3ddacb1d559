"""Trials of a plan on past orders."""

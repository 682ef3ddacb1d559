"""Customers: the list and each one's file."""

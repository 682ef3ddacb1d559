"""The outer world, behind protocols that the rooms declare."""

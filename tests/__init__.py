"""Springtide's tests."""

"""Springtide plans, warms up, runs and reviews a shop's big sale in one closed loop."""

__version__ = "0.1.0"

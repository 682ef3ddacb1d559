"""Outreach: segments, audiences with a control group, messages, opt-out."""

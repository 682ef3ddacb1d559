"""Campaigns: plan, phases, goals, heroes, tasks."""

"""Campaigns: plan, prices, rules, tasks, trials."""

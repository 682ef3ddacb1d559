"""Campaigns: what one sale is to be, from warm-up to review.

A campaign has a day, four phases around it (kept as relative times and resolved late), goals,
hero products with their campaign prices, and tasks for the people who make it happen. What a
system does at a time (its actions) is kept by the flows above; this room says what is planned.
"""

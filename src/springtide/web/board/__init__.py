"""The board, the overview, the review, and how a number is counted."""

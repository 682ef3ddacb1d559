"""The board: live numbers, pace and review, all questions to the facts."""

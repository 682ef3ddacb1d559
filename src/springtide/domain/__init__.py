"""The business, in rooms; a room may use the ones below it, never one above or beside it."""

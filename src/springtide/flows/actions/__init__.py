"""The phase actions, one module each: check, do and undo."""

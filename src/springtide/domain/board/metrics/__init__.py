"""The metrics, one module each: label, definition and SQL over facts."""

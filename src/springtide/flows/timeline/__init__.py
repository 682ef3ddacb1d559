"""The timeline of a sale: planned actions, carried out by workers, each with its undo."""

"""Pure numbers on tables: no I/O and no clock."""

"""The installation as a whole: its marks, backups, restores, checks, and who is at work in it."""

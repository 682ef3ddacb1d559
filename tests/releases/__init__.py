"""Small data folders as each release left them; README.md says how the next one is made."""

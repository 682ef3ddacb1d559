"""Data: files in and out, columns explained."""

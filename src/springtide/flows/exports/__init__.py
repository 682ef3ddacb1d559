"""The tables that can be taken out, one class each: ``kind``, ``columns``, ``rows``."""

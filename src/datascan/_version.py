"""The version of datascan; imports nothing."""

__version__ = "0.1.0"

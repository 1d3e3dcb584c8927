"""Shared code of the readers of key-value stores."""

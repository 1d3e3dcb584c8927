"""Finds the configuration file, decides whether it may be used, and applies it to a dataset."""

"""Scans of datasets that are damaged at random, or built to do harm; see ``scripts/fuzz``."""

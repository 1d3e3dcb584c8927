"""Damaged datasets: everything outside the damage is still scanned."""

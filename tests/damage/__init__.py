"""Tests that damage datasets: everything outside the damage must still be scanned."""

"""Benchmarks of whole processes: datascan against the script that a user would write."""

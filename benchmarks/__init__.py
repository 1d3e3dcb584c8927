"""Whole-process timings: datascan against the script that a user would write."""

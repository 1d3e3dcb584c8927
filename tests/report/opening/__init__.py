"""Tests of the opening of a report."""

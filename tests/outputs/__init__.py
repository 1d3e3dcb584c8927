"""Tests of what renders a report."""

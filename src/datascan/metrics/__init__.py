"""Metrics that several rules share: measured once per block, then added up."""

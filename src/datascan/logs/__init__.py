"""Training logs of any framework: read into runs, and judged."""

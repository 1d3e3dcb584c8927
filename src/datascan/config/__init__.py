"""What users write: options, configuration, expectations and baselines as typed data."""

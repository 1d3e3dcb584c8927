"""Plan a dataset, measure its shards, add the tallies and evaluate the checks."""

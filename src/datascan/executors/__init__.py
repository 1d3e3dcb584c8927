"""Executors run a task over the shards of a dataset."""

"""A parallel map over worker processes that survives worker crashes."""

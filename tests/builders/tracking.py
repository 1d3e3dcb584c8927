"""Trackers for reading blocks without an executor."""


def untracked(row: int, count: int) -> None:
    """Note nothing: the process under test may crash."""

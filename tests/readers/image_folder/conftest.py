"""Fixtures of these tests."""

from __future__ import annotations

import pytest

from tests.builders.images import photo, write_tree


@pytest.fixture
def animals(tmp_path):
    files = {
        f"{animal}/{i}.jpg": photo(10 * rank + i)
        for rank, animal in enumerate(("cat", "dog"))
        for i in range(3)
    }
    return write_tree(tmp_path / "animals", files)

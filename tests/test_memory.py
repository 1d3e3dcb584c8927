"""The limit on memory: it holds, it does not count mapped files, and it leaves no core file."""

from __future__ import annotations

import multiprocessing
import os
import resource
import sys
from pathlib import Path

import pytest

from datascan import memory
from datascan.memory import limit_memory, map_file, mapped_bytes

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits memory")

MB = 1_000_000


def run_forked(function, *arguments):
    """The result of a function in a process that is forked for it."""
    context = multiprocessing.get_context("fork")
    queue = context.SimpleQueue()
    process = context.Process(target=lambda: queue.put(function(*arguments)))
    process.start()
    process.join()
    assert process.exitcode == 0
    return queue.get()


def allocate(limit: int, nbytes: int) -> bool:
    """Whether ``nbytes`` can be allocated under the limit."""
    assert limit_memory(limit)
    try:
        return len(bytearray(nbytes)) == nbytes
    except MemoryError:
        return False


@pytest.mark.parametrize(("limit", "nbytes", "expected"), [(400, 300, True), (300, 400, False)])
def test_no_more_than_the_limit_is_allocated(limit, nbytes, expected):
    assert run_forked(allocate, limit * MB, nbytes * MB) is expected


def allocate_beside(ballast: int, limit: int, nbytes: int) -> bool:
    kept = bytearray(ballast)
    return allocate(limit, nbytes) and len(kept) == ballast


def test_what_the_parent_has_does_not_count():
    assert run_forked(allocate_beside, 700 * MB, 400 * MB, 300 * MB)


def map_and_allocate(path: Path, limit: int, nbytes: int) -> bool:
    assert limit_memory(limit)
    with path.open("rb") as file:
        mapped = map_file(file.fileno(), path.stat().st_size)
    return allocate(2 * limit, nbytes) and not any(mapped[-4096:])


def test_mapped_files_do_not_count(tmp_path):
    path = tmp_path / "large"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    assert run_forked(map_and_allocate, path, 400 * MB, 300 * MB)
    assert not run_forked(map_and_allocate, path, 400 * MB, 500 * MB)


def lower_and_limit() -> tuple[int, int]:
    own = mapped_bytes() + 100 * MB
    resource.setrlimit(resource.RLIMIT_AS, (own, resource.RLIM_INFINITY))
    assert limit_memory(400 * MB)
    return own, resource.getrlimit(resource.RLIMIT_AS)[0]


def test_a_stricter_limit_of_the_user_stays():
    own, limit = run_forked(lower_and_limit)
    assert limit == own


def limit_below_hard() -> tuple[int, int]:
    hard = mapped_bytes() + 100 * MB
    resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    assert limit_memory(400 * MB)
    return hard, resource.getrlimit(resource.RLIMIT_AS)[0]


def test_the_hard_limit_of_the_user_is_obeyed():
    hard, limit = run_forked(limit_below_hard)
    assert limit == hard


def limit_and_dump() -> int:
    limit_memory(400 * MB)
    return resource.getrlimit(resource.RLIMIT_CORE)[0]


def test_a_crash_leaves_no_core_file():
    assert run_forked(limit_and_dump) == 0


def test_systems_without_such_a_limit_have_none(monkeypatch, tmp_path):
    monkeypatch.setattr(memory.sys, "platform", "darwin")
    before = resource.getrlimit(resource.RLIMIT_AS)
    assert not limit_memory(400 * MB)
    path = tmp_path / "small"
    path.write_bytes(b"abc")
    with path.open("rb") as file:
        assert map_file(file.fileno(), 3)[:] == b"abc"
    assert resource.getrlimit(resource.RLIMIT_AS) == before


def test_only_this_module_maps_files():
    """A file mapped elsewhere would count as memory, and large stores would fail."""
    source = Path(memory.__file__).parent
    maps = [
        os.fspath(path.relative_to(source))
        for path in source.rglob("*.py")
        if "ACCESS_READ" in path.read_text() or "np.memmap" in path.read_text()
    ]
    assert maps == ["memory.py"]

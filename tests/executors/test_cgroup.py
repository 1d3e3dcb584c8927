"""The limits of control groups, read from a folder that looks like the root of a machine."""

from __future__ import annotations

import os

import pytest

from datascan.executors.cgroup import cpu_quota, memory_limit

UNIFIED = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"
SEPARATE = (
    "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n"
    "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
    "35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory"
)


@pytest.fixture
def machine(tmp_path):
    """Makes a root with the mounts and groups of a process, and files of groups."""

    def make(mounts, groups, files=()):
        own = {"proc/self/mountinfo": mounts, "proc/self/cgroup": groups}
        for name, text in {**own, **dict(files)}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else f"{text}\n".encode())
        return tmp_path

    return make


def unified(machine, **files):
    return machine(UNIFIED, "0::/a/b", {f"sys/fs/cgroup/a/b/{k}": v for k, v in files.items()})


def test_without_groups_there_is_no_limit(tmp_path, machine):
    assert (cpu_quota(tmp_path), memory_limit(tmp_path)) == (None, None)
    root = machine(UNIFIED, "0::/")
    assert (cpu_quota(root), memory_limit(root)) == (None, None)


def test_the_smallest_limit_on_the_path_counts(machine):
    at = "sys/fs/cgroup"
    files = {
        f"{at}/a/b/cpu.max": "max 100000",
        f"{at}/a/cpu.max": "150000 100000",
        f"{at}/cpu.max": "800000 100000",
        f"{at}/a/b/memory.max": "4000000000",
        f"{at}/a/b/memory.high": "3000000000",
        f"{at}/a/memory.max": "2000000000",
        f"{at}/a/memory.high": "max",
        f"{at}/other/cpu.max": "1000 100000",
    }
    root = machine(UNIFIED, "0::/a/b", files)
    assert (cpu_quota(root), memory_limit(root)) == (1.5, 2_000_000_000)


def test_version_1_has_a_tree_for_each_controller(machine):
    files = {
        "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us": "250000",
        "sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us": "100000",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1",
        "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
        "sys/fs/cgroup/memory/job/task/memory.limit_in_bytes": "9223372036854771712",
        "sys/fs/cgroup/memory/job/memory.limit_in_bytes": "1073741824",
    }
    groups = "9:cpu,cpuacct:/job\n4:memory:/job/task\n0::/"
    root = machine(SEPARATE, groups, files)
    assert (cpu_quota(root), memory_limit(root)) == (2.5, 1 << 30)


@pytest.mark.parametrize("path", ["/docker/abc/inner", "/kubepods/other", "/../../x"])
def test_a_container_sees_its_own_part_of_the_tree(machine, path):
    mount = UNIFIED.replace(" / /sys", " /docker/abc /sys")
    files = {"sys/fs/cgroup/cpu.max": "50000 100000", "sys/fs/cgroup/inner/cpu.max": "max 100000"}
    assert cpu_quota(machine(mount, f"0::{path}", files)) == 0.5


@pytest.mark.parametrize(
    "text",
    [
        *("", "max", "-5 100000", "0 100000", "5 0", "5 -1", "5", "1 2 3", "1e9 100000", "50000 1"),
        *("9" * 400 + " 100000", "\u0661\u0662 100000", "\0x", b"\xff\xfe\x00", b"\n" * 100_000),
    ],
)
def test_a_quota_that_makes_no_sense_is_not_one(machine, text):
    assert cpu_quota(unified(machine, **{"cpu.max": text})) is None


@pytest.mark.parametrize("text", ["", "0", "-1", "4096", "1.5G", "9" * 19, "9" * 400, b"\x00"])
def test_a_limit_of_memory_that_makes_no_sense_is_not_one(machine, text):
    assert memory_limit(unified(machine, **{"memory.max": text, "memory.high": text})) is None


@pytest.mark.parametrize(
    "text", ["", "garbage", "0::", "::::", "0::relative", "\x00" * 50, "7:cpu"]
)
def test_odd_lists_of_groups_are_passed_over(machine, text):
    assert cpu_quota(machine(UNIFIED, text, {"sys/fs/cgroup/cpu.max": "max 1"})) is None
    assert cpu_quota(machine(text, "0::/a")) is None


def test_a_pipe_or_a_folder_in_place_of_a_file_is_not_waited_for(machine):
    root = unified(machine)
    place = root / "sys/fs/cgroup/a/b"
    place.mkdir(parents=True)
    os.mkfifo(place / "cpu.max")
    (place / "memory.max").mkdir()
    assert (cpu_quota(root), memory_limit(root)) == (None, None)

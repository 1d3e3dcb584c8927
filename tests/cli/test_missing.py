"""A missing library is one line; that the loops were not compiled is said once."""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys

import numpy as np
import pytest

from datascan.cli.missing import PACKAGES, describe_missing
from tests.builders.hdf5 import numbers, write_hdf5
from tests.builders.hidden import hiding
from tests.builders.images import photo, write_tree
from tests.builders.leveldb import write_leveldb
from tests.builders.lmdb import numbered, random_datums, write_lmdb

NO_LOOPS = "import sys; sys.modules['datascan.native.kernels'] = None"


def run(environment, *arguments):
    command = [sys.executable, "-m", "datascan", "scan", *map(str, arguments)]
    return subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def write(kind, path):
    if kind == "lmdb":
        return write_lmdb(path, numbered(random_datums(30)))
    if kind == "leveldb":
        return write_leveldb(path, numbered(random_datums(30)))
    if kind == "images":
        return write_tree(path, {f"{i % 2}/{i}.jpg": photo(i) for i in range(8)})
    packed = (numbers(20, 3), {"chunks": (5, 3), "compression": "gzip"})
    return write_hdf5(path.with_suffix(".h5"), data=packed, label=np.arange(20) % 2)


NEEDED = [
    ("h5py", "hdf5"),
    ("lmdb", "lmdb"),
    ("google_crc32c", "leveldb"),
    ("PIL", "images"),
    ("numpy", "lmdb"),
    ("msgspec", "lmdb"),
    ("xxhash", "lmdb"),
]


@pytest.mark.parametrize(("module", "kind"), NEEDED)
def test_a_library_that_is_needed(tmp_path, module, kind):
    environment = hiding(tmp_path / "hidden", module)
    ended = run(environment, write(kind, tmp_path / "data"))
    if ended.returncode != 2:  # it can do without
        assert ended.stderr == ""
        return
    (line,) = ended.stderr.splitlines()
    package, purpose = PACKAGES[module]
    assert line.startswith(f"datascan: {module}, which {purpose}, ")
    assert line.endswith(f"(pip install {package})")
    assert "internal error" not in line


@pytest.mark.parametrize("kind", ["lmdb", "leveldb", "hdf5", "images"])
@pytest.mark.parametrize("module", ["hdf5plugin", "isal", "plyvel", "tqdm", "jinja2", "tomlkit"])
def test_scans_are_the_same_without_an_optional_library(tmp_path, module, kind):
    path = write(kind, tmp_path / "data")
    whole, without = (
        run(hiding(tmp_path / f"hidden{i}", *modules), path, "--no-progress")
        for i, modules in enumerate(((), (module,)))
    )
    assert without.stderr == ""
    assert whole.stdout
    assert strip_time(without.stdout) == strip_time(whole.stdout)


def strip_time(text):
    return re.sub(r" in [0-9.]+ s\b", "", text)


def test_a_library_that_does_not_load():
    error = ImportError("libhdf5.so: cannot open shared object file", name="h5py.h5")
    found = describe_missing(pickle.loads(pickle.dumps(error)))
    assert found == (
        "h5py.h5, which reads HDF5, cannot load: libhdf5.so: cannot open shared object file "
        "(pip install h5py)"
    )
    assert describe_missing(ImportError("no name")) is None
    assert describe_missing(ModuleNotFoundError("x", name="my_reader")) is None
    assert describe_missing(KeyError("h5py")) is None


@pytest.fixture
def uncompiled(tmp_path):
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "sitecustomize.py").write_text(NO_LOOPS)
    (tmp_path / "cache").mkdir()
    environment = {**os.environ, "PYTHONPATH": str(tmp_path / "hidden")}
    environment.pop("DATASCAN_PLAIN", None)
    return environment | {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)}


@pytest.mark.skipif(sys.platform != "linux", reason="the cache is elsewhere")
def test_uncompiled_loops_are_said_once(tmp_path, uncompiled):
    path = write("lmdb", tmp_path / "data")
    assert run(uncompiled, path, "-qq").stderr == ""
    assert run(uncompiled, path, "--json", "-").stderr == ""
    assert run(uncompiled | {"DATASCAN_PLAIN": "1"}, path).stderr == ""
    (line,) = run(uncompiled, path).stderr.splitlines()
    assert line.startswith("datascan: the loops in C were not built, so scans run slower; with a C")
    assert run(uncompiled, path).stderr == ""
    assert [one.name for one in (tmp_path / "cache").rglob("*")] == ["datascan", "slow-loops-said"]


@pytest.mark.skipif(sys.platform != "linux", reason="the cache is elsewhere")
@pytest.mark.parametrize("cache", ["file/below", "/dev/null/x", "relative"])
def test_a_cache_that_cannot_be_written(tmp_path, uncompiled, cache):
    (tmp_path / "file").touch()
    folder = cache if cache.startswith(("/", "relative")) else str(tmp_path / cache)
    environment = uncompiled | {"XDG_CACHE_HOME": folder, "HOME": str(tmp_path / "file")}
    ended = run(environment, write("lmdb", tmp_path / "data"))
    assert (ended.returncode, ended.stderr) == (0, "")

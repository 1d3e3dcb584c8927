"""Processes that write to a dataset while a test scans it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LMDB = """
import itertools, lmdb, os, sys, time
environment = lmdb.open(sys.argv[1], map_size=1 << 30)
for number in itertools.count():
    with environment.begin(write=True) as transaction:
        for i in range(50):
            key = b"%08d" % ((number * 7919 + i * 31) % 4000)
            transaction.put(key, os.urandom(3000 + number % 7 * 500))
        if number == 0:
            print("ready", flush=True)
        if len(sys.argv) > 2:
            time.sleep(1000)
"""
LEVELDB = """
import itertools, os, plyvel, sys, time
store = plyvel.DB(sys.argv[1], create_if_missing=True, write_buffer_size=1 << 17)
for number in itertools.count():
    if len(sys.argv) <= 2:
        for i in range(50):
            store.put(b"%08d" % ((number * 7919 + i * 31) % 4000), os.urandom(3000))
    if number == 0:
        print("ready", flush=True)
    if len(sys.argv) > 2:
        time.sleep(1000)
"""
HDF5 = """
import h5py, itertools, numpy, sys, time
with h5py.File(sys.argv[1], "a", libver=sys.argv[2]) as file:
    for number in itertools.count():
        data = file["data"]
        data.resize(len(data) + 10, axis=0)
        data[-10:] = numpy.random.default_rng(number).random((10, 8))
        if sys.argv[3] == "changes":
            file.flush()
        if number == 0:
            print("ready", flush=True)
        time.sleep(0.005 if sys.argv[3] == "changes" else 1000)
"""


@contextmanager
def writing(script: str, *arguments: str | Path) -> Iterator[int]:
    """A process that runs ``script`` until the end of the block; yields its number."""
    command = [sys.executable, "-c", script, *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            yield process.pid
        finally:
            process.kill()

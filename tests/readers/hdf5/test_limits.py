"""Small files that claim much are findings, soon and in little memory."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.builders.hdf5_bombs import BOMBS, write_bomb

SECONDS = 60
MAX_RSS = 2 << 30
MAX_ADDRESSES = 3 << 30


def run_limited(path: Path, *options: str) -> tuple[int, str, str, int]:
    """Status, output, errors and resident bytes of a scan in a process of its own."""
    limited = ["sh", "-c", f'ulimit -v {MAX_ADDRESSES >> 10}; exec "$@"', "sh"]
    command = [*limited, sys.executable, "-m", "datascan", "hdf5", str(path)]
    with Path("out").open("w+") as out, Path("err").open("w+") as err:
        process = subprocess.Popen([*command, *options], stdout=out, stderr=err)
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            if pid:
                break
            time.sleep(0.05)
        else:
            process.kill()
            process.wait()
            pytest.fail("the scan did not end")
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0), err.seek(0)
        return process.returncode, out.read(), err.read(), usage.ru_maxrss * 1024


@pytest.mark.parametrize("workers", [[], ["--workers=0"]], ids=["workers", "alone"])
@pytest.mark.parametrize("name", BOMBS)
def test_bombs(tmp_path, monkeypatch, name, workers):
    monkeypatch.chdir(tmp_path)
    path = write_bomb(Path("a.h5"), name)
    status, _, errors, resident = run_limited(path, *workers)
    assert "Traceback" not in errors
    assert resident < MAX_RSS
    assert status == (0 if name == "groups_in_a_circle" else 1), errors

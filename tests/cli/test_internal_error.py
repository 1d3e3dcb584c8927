"""An error of datascan itself: one line, exit status 2, and a private file with the traceback."""

from __future__ import annotations

import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from datascan.cli import app
from datascan.cli.internal_error import describe, report_internal_error, say
from tests.builders.lmdb import numbered, random_datums, write_lmdb

BROKEN_COMMAND = """
import sys
from datascan.cli.commands import explain
def run(args):
    raise {error}
explain.run = run
from datascan.__main__ import main
sys.exit(main())
"""


def run_script(folder: Path, script: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    file = folder / "script.py"
    file.write_text(script)
    return subprocess.run(
        [sys.executable, str(file), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={"PATH": "/usr/bin:/bin", "TMPDIR": str(folder), "OPENBLAS_NUM_THREADS": "1"},
        timeout=120,
    )


@pytest.mark.parametrize(
    ("error", "shown"),
    [
        ("KeyError('x')", "KeyError: 'x'"),
        ("MemoryError", "MemoryError"),
        ("RecursionError('deep')", "RecursionError: deep"),
        ("ValueError('a\\x1b[31m\\nb')", r"ValueError: a\x1b[31m"),
        ("AssertionError", "AssertionError"),
    ],
)
def test_an_exception_is_one_line_and_2(tmp_path, error, shown):
    done = run_script(tmp_path, BROKEN_COMMAND.format(error=error), "explain")
    assert (done.returncode, done.stdout) == (2, ""), done
    (line,) = done.stderr.splitlines()
    found = re.fullmatch(r"datascan: internal error: (.+); please report it, with (.+)", line)
    assert found is not None, line
    assert found[1] == shown
    saved = Path(found[2])
    assert saved.parent == tmp_path
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    version, command, *text = saved.read_text().splitlines()
    assert version.startswith("datascan 0.")
    assert command == "datascan explain"
    assert text[0] == "Traceback (most recent call last):"
    assert "\x1b" not in saved.read_text()


def test_an_exception_while_modules_are_imported(tmp_path):
    script = (
        "import sys\nsys.modules['argparse'] = None\nfrom datascan.__main__ import main\n"
        "sys.exit(main())\n"
    )
    done = run_script(tmp_path, script, "explain")
    assert done.returncode == 2, done
    assert len(done.stderr.splitlines()) == 1
    assert "internal error: ModuleNotFoundError" in done.stderr


def test_an_exception_in_a_worker_names_its_rows(tmp_path):
    data = write_lmdb(tmp_path / "data", numbered(random_datums(30)))
    script = (
        "import sys\nimport datascan.scanner.tasks as module\n"
        "def fail(self, shard, slot):\n"
        "    slot.mark(16, 4)\n"
        "    raise ValueError('planted')\n"
        "module.MeasureTask.__call__ = fail\n"
        "from datascan.__main__ import main\nsys.exit(main())\n"
    )
    done = run_script(tmp_path, script, "lmdb", data)
    assert (done.returncode, done.stdout) == (2, ""), done
    (line,) = done.stderr.splitlines()
    assert "internal error: ValueError: planted (rows 16 to 19 of part 0); " in line
    (saved,) = tmp_path.glob("datascan-error-*")
    assert "Traceback in the worker:" in saved.read_text()
    assert "in fail" in saved.read_text()


def test_a_traceback_that_cannot_be_saved(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "absent"))
    assert report_internal_error(KeyError("x"), "datascan scan x") == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "KeyError: 'x'" in line
    assert "could not be saved" in line


def test_a_long_message_is_cut():
    assert len(describe(ValueError("x" * 10_000))) < 400


def test_ctrl_c_outside_of_a_scan_is_130(monkeypatch, capsys):
    def interrupt(_arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(app, "run_command", interrupt)
    assert app.run(["explain"]) == 130
    assert capsys.readouterr().err == "datascan: interrupted\n"


def test_a_line_that_cannot_be_printed_is_lost(monkeypatch):
    with open("/dev/full", "w") as full:  # noqa: PTH123  (a device)
        monkeypatch.setattr(sys, "stderr", full)
        say("x")
        say("y")


@pytest.mark.parametrize(
    ("command", "status"),
    [
        ("scan absent 2>/dev/full", 2),
        ("--help >/dev/full", 2),
        ("--version >/dev/full", 2),
        ("explain nan-value >/dev/full 2>/dev/full", 2),
        ("explain >&- 2>&-", 2),
    ],
)
def test_full_disks_never_end_in_1(command, status):
    line = f'exec "{sys.executable}" -m datascan {command}'
    assert subprocess.run(["sh", "-c", line], capture_output=True, check=False).returncode == status

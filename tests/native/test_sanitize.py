"""``scripts/sanitize``: a short run finds nothing, and planted errors are found."""

from __future__ import annotations

import os
import shutil

import pytest

from tests.native import sanitize

SOURCES = sanitize.PACKAGE / "native"


@pytest.fixture
def compiler():
    """Skips the test without a compiler that has sanitizers."""
    try:
        return sanitize.find_compiler()
    except sanitize.NoSanitizers as reason:
        pytest.skip(str(reason))


def test_a_few_mutants_and_hostile_calls(compiler, capfd):
    before = {file: file.stat().st_mtime_ns for file in SOURCES.iterdir()}
    status = sanitize.main(["--stores", "50", "--no-tests"])
    printed = capfd.readouterr().out
    assert status == 0, printed
    assert "mutants: 50 stores, 800 hostile calls" in printed
    assert "reports of the sanitizers: 0" in printed
    assert {file: file.stat().st_mtime_ns for file in SOURCES.iterdir()} == before


@pytest.mark.parametrize(
    ("module", "code", "planted", "report"),
    [
        (
            "epoch",
            "load_code(b[CODES].buf, at - 1, bytes)",
            "load_code(b[CODES].buf, at, bytes)",
            "heap-buffer",
        ),
        (
            "kernels",
            "(int64_t)((uint64_t)load_int(limbs, i) + ((digit ^ sign) - sign))",
            "load_int(limbs, i) + (int64_t)digit",
            "AddressSanitizer: ILL",
        ),
    ],
)
def test_a_planted_error_is_reported(compiler, tmp_path, capfd, module, code, planted, report):
    shutil.copytree(SOURCES, tmp_path, dirs_exist_ok=True)
    source = (tmp_path / f"{module}.c").read_text()
    assert code in source
    (tmp_path / f"{module}.c").write_text(source.replace(code, planted))
    assert sanitize.sanitize(12, 1, 1, with_tests=False, sources=tmp_path) == 1
    printed = capfd.readouterr().out
    assert report in printed
    assert f"{module}.c" in printed
    assert "reports of the sanitizers: 1" in printed


@pytest.mark.parametrize("script", ["exit 1", "echo libasan.so", f"echo {os.devnull}; exit 1"])
def test_a_compiler_without_sanitizers(monkeypatch, tmp_path, capsys, script):
    for name in ("gcc", "clang", "cc"):
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert sanitize.main([]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_no_compiler(monkeypatch, tmp_path, capsys):
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert sanitize.main([]) == 2
    assert capsys.readouterr().err == "there is no C compiler\n"

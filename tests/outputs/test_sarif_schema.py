"""SARIF as Microsoft's validator sees it: its schema, and what the standard asks for in words."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from datascan.api import checked_options, run_scan
from datascan.outputs import sarif
from tests.building.images import photo
from tests.building.lmdb import datum, numbered, write_lmdb

MULTITOOL = Path(sys.prefix) / "sarif/node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool"
pytestmark = pytest.mark.skipif(
    not MULTITOOL.exists(), reason="no SARIF validator: scripts/outside installs it, with npm"
)


def complaints(text, folder):
    """Rules of the validator that a log breaks, with their levels."""
    log, output = folder / "log.sarif", folder / "verdict.sarif"
    log.write_text(text)
    subprocess.run(
        [MULTITOOL, "validate", log, "--output", output, "--log", "ForceOverwrite"],
        env={**os.environ, "DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1"},
        capture_output=True,
        check=False,
        timeout=120,
    )
    (run,) = json.loads(output.read_text(encoding="utf-8-sig"))["runs"]
    levels = {
        rule["id"]: rule.get("defaultConfiguration", {}).get("level", "warning")
        for rule in run["tool"]["driver"].get("rules", [])
    }
    return {
        (found["ruleId"], found.get("level", levels.get(found["ruleId"], "warning")))
        for found in run.get("results", [])
    }


def errors(text, folder):
    return {rule for rule, level in complaints(text, folder) if level == "error"}


@pytest.fixture
def reports(tmp_path):
    """A store and a folder with findings, names that are hostile among them."""
    random = np.random.default_rng(0)
    values = [
        datum(np.where(i % 7, random.random((1, 2, 2)), np.nan).astype(np.float32), i % 3)
        for i in range(60)
    ]
    store = write_lmdb(tmp_path / "a store: 100% \u00fc", numbered(values))
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("<script>alert(1)</script>.jpg", "a:b c.jpg", "\udcff.jpg"):
        (folder / name.replace("/", "-")).write_bytes(photo(1)[:700])
    (folder / "good.jpg").write_bytes(photo(2))
    options = checked_options(batch_sizes=(2, 4), workers=0)
    return [run_scan([path], options) for path in (store, folder)]


def test_logs_are_valid(reports, tmp_path):
    for report in reports:
        assert report.findings
        assert errors(sarif.render(report), tmp_path) == set()
    assert errors(sarif.render_all(reports), tmp_path) == set()


def test_an_empty_log_is_valid(reports, tmp_path):
    from msgspec.structs import replace  # noqa: PLC0415

    assert errors(sarif.render(replace(reports[0], findings=[])), tmp_path) == set()


def test_the_validator_can_say_no(reports, tmp_path):
    log = json.loads(sarif.render(reports[0]))
    log["runs"][0]["results"][0]["level"] = "dreadful"
    del log["runs"][0]["tool"]
    assert errors(json.dumps(log), tmp_path)

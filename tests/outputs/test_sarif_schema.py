"""SARIF against the published schema, which comes with Microsoft's validator."""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from msgspec.structs import replace

from datascan.config.options import Options
from datascan.outputs import sarif
from tests.builders.images import photo
from tests.builders.lmdb import datum, numbered, write_lmdb
from tests.builders.sessions import report_of

PACKAGE = Path(sys.prefix) / "sarif/node_modules/@microsoft/sarif-multitool-linux"
SCHEMA = PACKAGE / "sarif-2.1.0.json"
pytestmark = pytest.mark.skipif(
    not SCHEMA.exists(), reason="no SARIF schema: scripts/outside gets it, with npm"
)


@cache
def validator():
    """The schema, read once."""
    return Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8-sig")))


def complaints(text):
    """What the schema has to say about a log."""
    return [error.message for error in validator().iter_errors(json.loads(text))]


@pytest.fixture
def reports(tmp_path):
    """A store and a folder with findings, names that are hostile among them."""
    arrays = np.random.default_rng(0).random((60, 1, 2, 2)).astype(np.float32)
    arrays[::7] = np.nan
    values = [datum(array, i % 3) for i, array in enumerate(arrays)]
    store = write_lmdb(tmp_path / "a store: 100% \u00fc", numbered(values))
    folder = tmp_path / "images"
    folder.mkdir()
    for name in ("<script>alert(1)<.jpg", "a:b c.jpg", "\udcff.jpg"):
        (folder / name).write_bytes(photo(1)[:700])
    (folder / "good.jpg").write_bytes(photo(2))
    options = Options.from_keywords(batch_sizes=(2, 4), workers=0)
    return [report_of(path, options) for path in (store, folder)]


def test_logs_are_valid(reports):
    for report in reports:
        assert report.findings
        assert complaints(sarif.render([report])) == []
        assert complaints(sarif.render([replace(report, findings=[])])) == []
    assert complaints(sarif.render(reports)) == []


@pytest.mark.parametrize("member", ["tool", "results"])
def test_the_schema_can_say_no(reports, member):
    log = json.loads(sarif.render([reports[0]]))
    log["runs"][0][member] = {"level": "dreadful"}
    assert complaints(json.dumps(log))

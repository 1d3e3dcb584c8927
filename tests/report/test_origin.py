"""How a report was made, in words, and in which outputs it is said."""

from __future__ import annotations

import json
from xml.etree import ElementTree as ET

import pytest
from msgspec import to_builtins
from msgspec.structs import replace

from datascan.outputs import html, junit, sarif
from datascan.outputs.terminal.origin import render_origin
from datascan.report.model import Report
from datascan.report.origin import describe_origin
from datascan.testing.reports import finding, net, report, source
from tests.builders.hostile_reports import FINGERPRINT, full_report
from tests.builders.lmdb import numbered, random_datums, write_lmdb
from tests.cli.test_app import datascan as command

FULL = full_report()
MADE_BY = "datascan 0.1.0, Python 3.12.1, loops in C"
OPTIONS = "limit 9, baseline b.toml, ignore x, severity x=info"
DATA = (
    f"9 records, keys {'0' * 16}, values {'1' * 32}; 2 files of 4.1 kB, "
    "last modified 2026-01-01T10:00:00+00:00"
)


def test_the_words():
    assert dict(describe_origin(FULL)) == {"made by": MADE_BY, "options": OPTIONS, "data": DATA}


def test_there_is_nothing_to_say_of_old_reports():
    assert dict(describe_origin(report())) == {}
    assert render_origin(report()) == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "follow_links on"),
        (False, "follow_links off"),
        (list(range(8)), "follow_links 0,1,2,3,4,5 and 2 more"),
        ({"a": "info", "b": "error"}, "follow_links a=info,b=error"),
        (2.5, "follow_links 2.5"),
    ],
)
def test_options_are_written_as_users_write_them(value, text):
    found = dict(describe_origin(replace(FULL, options={"follow_links": value})))
    assert found["options"] == text


def test_a_fingerprint_may_lack_parts():
    content = replace(FINGERPRINT.content, keys=None, values=None, records=1)
    files = replace(FINGERPRINT.files, modified=None, count=1)
    dataset = replace(FULL.dataset, fingerprint=replace(FINGERPRINT, content=content, files=files))
    found = dict(describe_origin(replace(FULL, dataset=dataset)))
    assert found["data"] == "1 record; 1 file of 4.1 kB"


def test_the_foot_of_the_page():
    text = " ".join(html.render([FULL]).split())
    assert f"<dt>Made by</dt><dd>{MADE_BY}</dd>" in text
    assert f"<dt>Data</dt><dd>{DATA}</dd>" in text
    assert text.index("<dt>Made by") < text.index("<footer>")
    several = html.render([FULL, FULL, net(source(finding()))])
    assert several.count("<dt>Made by</dt>") == 2


def test_sarif_has_what_json_has():
    (run,) = json.loads(sarif.render([FULL]))["runs"]
    found = run["invocations"][0]["properties"]
    assert found["options"] == FULL.options
    assert found["versions"] == FULL.versions
    assert found["fingerprint"] == to_builtins(FINGERPRINT)
    assert found["location"] == {"paths": ["data/store"], "relative_to": "working-folder"}
    (run,) = json.loads(sarif.render([report()]))["runs"]
    assert "properties" not in run["invocations"][0]


def test_junit_has_properties():
    root = ET.fromstring(junit.render([FULL]))  # noqa: S314  (our own)
    found = {one.get("name"): one.get("value") for one in root.iter("property")}
    assert (found["made by"], found["options"], found["data"]) == (MADE_BY, OPTIONS, DATA)


def test_a_saved_report_says_it_and_a_scan_does_not(tmp_path):
    path = write_lmdb(tmp_path / "set", numbered(random_datums(40)))
    shown = command("scan", path, "--json", tmp_path / "r.json", "--limit", "30", "-v").stdout
    assert "made by" not in shown
    again = command("report", tmp_path / "r.json").stdout
    assert again.startswith(shown)
    saved = Report.from_json((tmp_path / "r.json").read_text())
    words = " ".join(again[len(shown) :].split())
    assert words.startswith("made by datascan ")
    assert "options limit 30 data 30 records, keys " in words
    assert saved.dataset.fingerprint.content.values in words

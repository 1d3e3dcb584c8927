"""The names of pages in a folder, and their index."""

from __future__ import annotations

from pathlib import Path

import pytest

from datascan.cli.page_folder import name_pages, names_folder
from datascan.outputs.html.index import MAX_ROWS, render_index
from datascan.report.failed_scan import FailedScan
from datascan.report.figures import DatasetInfo
from datascan.testing.reports import finding, report


def test_names_are_plain_and_differ_in_more_than_case():
    paths = ["data/train", "data-train", "DATA/train", "index", "../x", "-", "a b<c>", "x" * 300]
    names = name_pages(map(Path, paths))
    assert list(names.values()) == [
        "data-train.html",
        "data-train-2.html",
        "DATA-train-3.html",
        "index-2.html",
        "x.html",
        "dataset.html",
        "a-b-c.html",
        f"{'x' * 80}.html",
    ]
    assert list(names) == [str(Path(path)) for path in paths]


def test_what_is_a_folder(tmp_path):
    assert names_folder("new/")
    assert names_folder(str(tmp_path))
    assert not names_folder(str(tmp_path / "new.html"))
    assert not names_folder("")
    assert not names_folder(None)


@pytest.mark.parametrize("harm", ["<script>x</script>", '"><img src=x>', "\x1b[2J", "\u202e"])
def test_no_name_is_markup(harm):
    info = DatasetInfo("lmdb", harm, "raw", 9, 9)
    text = render_index([report(finding(), dataset=info)], [FailedScan(harm, harm)], {harm: "p"})
    assert "<script" not in text
    assert "<img" not in text
    assert harm not in text
    assert text.count('<a href="p">') == 1


def test_the_index_has_the_verdict_and_an_end():
    text = render_index([report()] * (MAX_ROWS + 2), [], {})
    assert "<title>PASS · " in text
    assert "and 2 more; the folder has the pages of all" in text
    assert len(text.encode()) < 2_000_000

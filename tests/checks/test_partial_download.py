"""Downloads among the images that did not finish."""

from __future__ import annotations

from tests.builders.images import photo, write_tree
from tests.readers.image_folder.support import report


def test_partial_downloads(tmp_path):
    names = ["a/1.jpg", "a/2.jpg", "b/1.jpg"]
    write_tree(tmp_path, {name: photo(i) for i, name in enumerate(names)})
    partial = ["a/2.jpg.aria2", "a/3.jpg.part", "b/4.JPG.crdownload", "b/5.png.download"]
    write_tree(tmp_path, dict.fromkeys(partial, b"x"))
    lost, kept = report(tmp_path).findings
    assert (lost.rule, lost.severity) == ("partial-download", "error")
    assert lost.message == "3 downloads did not finish, and the finished files are missing"
    assert [example.detail for example in lost.examples] == partial[1:]
    assert (kept.rule, kept.severity) == ("partial-download", "warning")
    assert [example.detail for example in kept.examples] == partial[:1]


def test_none(tmp_path):
    write_tree(tmp_path, {f"a/{i}.jpg": photo(i) for i in range(3)} | {"part": b"x"})
    assert report(tmp_path).findings == []

"""Files that are left out: which ones a pattern means, and what the report says."""

from __future__ import annotations

import pytest

import datascan
from datascan.config.options import Options
from datascan.errors import DatasetError, UsageError
from datascan.readers.image_folder.exclusion import Exclusion, Pattern
from tests.builders.images import photo, write_tree

FILES = ["a.jpg", "a.gif", "cat/a.jpg", "cat/raw/a.jpg", "dog/raw/b.jpg", "dog/cat/c.gif"]


@pytest.mark.parametrize(
    ("pattern", "dropped"),
    [
        ("*.gif", ["a.gif", "dog/cat/c.gif"]),
        ("a.jpg", ["a.jpg", "cat/a.jpg", "cat/raw/a.jpg"]),
        ("/a.jpg", ["a.jpg"]),
        ("./a.jpg", ["a.jpg"]),
        ("raw/", ["cat/raw/a.jpg", "dog/raw/b.jpg"]),
        ("raw", ["cat/raw/a.jpg", "dog/raw/b.jpg"]),
        ("a.jpg/", []),
        ("cat", ["cat/a.jpg", "cat/raw/a.jpg", "dog/cat/c.gif"]),
        ("/cat", ["cat/a.jpg", "cat/raw/a.jpg"]),
        ("/cat/", ["cat/a.jpg", "cat/raw/a.jpg"]),
        ("cat/*", ["cat/a.jpg", "cat/raw/a.jpg"]),
        ("cat/*.jpg", ["cat/a.jpg"]),
        ("**/raw/*.jpg", ["cat/raw/a.jpg", "dog/raw/b.jpg"]),
        ("dog/**", ["dog/raw/b.jpg", "dog/cat/c.gif"]),
        ("[ab].jpg", ["a.jpg", "cat/a.jpg", "cat/raw/a.jpg", "dog/raw/b.jpg"]),
        ("[!a].*", ["dog/raw/b.jpg", "dog/cat/c.gif"]),
        ("A.JPG", []),
    ],
)
def test_what_a_pattern_means(tmp_path, pattern, dropped):
    """In a folder as in a list."""
    exclusion = Exclusion.of([pattern])
    assert [name for name in FILES if exclusion.drops_listed(name)] == dropped
    assert exclusion.files == len(dropped)
    write_tree(tmp_path, {name: photo(i) for i, name in enumerate(FILES)} | {"z/zz.jpg": photo(9)})
    report = datascan.scan(tmp_path, exclude=pattern, thumbnails=False)
    assert report.dataset.records == len(FILES) + 1 - len(dropped)


def test_a_star_does_not_cross_folders():
    assert not Pattern.of("cat/*.jpg").fits("cat/raw/a.jpg", folder=False)
    assert Pattern.of("**/*.jpg").fits("cat/raw/a.jpg", folder=False)


def test_the_report_counts_files_and_folders(tmp_path):
    write_tree(tmp_path, {name: photo(i) for i, name in enumerate(FILES)})
    report = datascan.scan(tmp_path, exclude=["*.gif", "raw/"], thumbnails=False)
    assert report.dataset.records == 2
    assert (report.dataset.excluded_files, report.dataset.excluded_folders) == (2, 2)
    assert report.options["exclude"] == ["*.gif", "raw/"]
    assert "<dt>Excluded</dt><dd>2 files and 2 folders</dd>" in report.to_html()
    whole = datascan.scan(tmp_path, thumbnails=False)
    assert "excluded_files" not in whole.to_json()


def test_an_excluded_class_is_no_class(tmp_path):
    names = ("cat", "dog", "eel")
    write_tree(tmp_path, {f"{name}/{i}.jpg": photo(i) for name in names for i in (1, 2, 3)})
    report = datascan.scan(tmp_path, exclude="dog", thumbnails=False)
    assert report.labels.names == ["cat", "eel"]


def test_what_is_excluded_is_not_looked_into(tmp_path):
    write_tree(tmp_path, {"a/0.jpg": photo(), "b/0.jpg": b"", "b/x.npy": b"x", "b/y.jpg.part": b""})
    report = datascan.scan(tmp_path, exclude="b", thumbnails=False)
    assert report.findings == [] or {f.rule for f in report.findings} <= {"batch-label-gap"}


def test_files_of_a_list(tmp_path):
    write_tree(tmp_path, {"a/0.jpg": photo(), "b/0.jpg": photo(1)})
    (tmp_path / "list.txt").write_text("a/0.jpg 0\nb/0.jpg 1\n")
    report = datascan.scan(tmp_path, list_file=tmp_path / "list.txt", exclude="b", thumbnails=False)
    assert (report.dataset.records, report.dataset.excluded_files) == (1, 1)


def test_all_excluded_is_an_error(tmp_path):
    write_tree(tmp_path, {"a/0.jpg": photo()})
    (tmp_path / "list.txt").write_text("a/0.jpg 0\n")
    for list_file in (None, tmp_path / "list.txt"):
        with pytest.raises(DatasetError, match="excluded"):
            datascan.scan(tmp_path, backend="images", exclude="a", list_file=list_file)


@pytest.mark.parametrize("pattern", ["!a", "", "/", ".", "../a", "a/../b", "a\0"])
def test_patterns_that_mean_nothing(pattern):
    with pytest.raises(UsageError, match="exclude: "):
        Options.from_keywords(exclude=[pattern])


def test_values_that_are_no_patterns():
    with pytest.raises(UsageError, match="exclude must be a pattern as in a"):
        Options.from_keywords(exclude=[5])


def test_a_comma_is_part_of_a_pattern():
    field = next(one for one in Options.fields() if one.name == "exclude")
    assert field.parse("a,b.jpg") == ("a,b.jpg",)

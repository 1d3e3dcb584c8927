"""Lists whose names are not those of files."""

from __future__ import annotations

import json
import time

import pytest

from datascan.errors import DatasetError
from datascan.outputs.terminal.render import render
from datascan.readers.image_folder.list_names import MAX_NAME_LENGTH, KnownFiles
from tests.builders.images import photo, write_tree
from tests.readers.image_folder.support import report


@pytest.fixture
def dogs(tmp_path):
    """Ten images in a sub-folder, and where a list may be."""
    write_tree(tmp_path / "dogs", {f"train/{i}.jpg": photo(i) for i in range(10)})
    return tmp_path / "dogs"


def scan_list(root, text, name="labels.csv"):
    (root / name).write_text(text)
    return report(root, list_file=root / name)


@pytest.mark.parametrize(
    "header",
    ["id,breed", "id_code,diagnosis", "image_name,target", "file_name,label", "Image Id,Class"],
)
def test_names_without_folder_and_extension(dogs, header):
    rows = "".join(f"{i},{'ab'[i % 2]}\n" for i in range(10))
    seen = scan_list(dogs, f"{header}\n{rows}")
    assert seen.findings == []
    assert seen.labels.counts == {"0": 5, "1": 5}
    note = "names lack their folder and extension; in train, with .jpg, 10 of 10 exist"
    assert seen.dataset.notes == {"list": note}
    assert note in render([seen], colour=False, width=120)


def test_one_name_of_no_file(dogs):
    rows = "".join(f"{i},{'ab'[i % 2]}\n" for i in range(12))
    (finding,) = scan_list(dogs, f"id,breed\n{rows}").findings
    assert (finding.rule, finding.records) == ("missing-file", 2)
    assert [example.key for example in finding.examples] == ["10", "11"]


def test_json_lines(dogs):
    rows = [{"file_name": f"train/{i}.jpg", "label": i % 2, "text": "a"} for i in range(10)]
    seen = scan_list(dogs, "\n".join(map(json.dumps, rows)), "metadata.jsonl")
    assert seen.findings == []
    assert seen.labels.counts == {"0": 5, "1": 5}


@pytest.mark.parametrize("line", ['{"file_name": ', "[1]", "{" * 100_000, '{"a":' * 100_000])
def test_json_lines_that_are_none(dogs, line):
    with pytest.raises(DatasetError, match=r"cannot read the list .* as JSON Lines"):
        scan_list(dogs, '{"file_name": "train/0.jpg"}\n' + line, "metadata.jsonl")


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ("train/{}", "names lack their extension; with .jpg, 10 of 10 exist"),
        ("{}.jpg", "names lack their folder; in train, 10 of 10 exist"),
        ("{}", "names lack their folder and extension; in train, with .jpg, 10 of 10 exist"),
        ("other/{}.jpg", ""),
    ],
)
def test_a_list_whose_every_name_is_missing(dogs, form, why):
    text = "".join(f"{form.format(i)} {i % 2}\n" for i in range(10))
    seen = scan_list(dogs, text, "list.txt")
    (finding,) = seen.findings
    assert (finding.rule, finding.severity, finding.records) == ("missing-file", "error", 10)
    expected = "none of the 10 files that list.txt lists exists"
    assert finding.message == (f"{expected}: {why}" if why else expected)


def test_images_in_several_folders(tmp_path):
    write_tree(tmp_path, {f"part_{i % 2}/{i}.jpg": photo(i) for i in range(8)})
    seen = scan_list(tmp_path, "image_id,dx\n" + "".join(f"{i},{'xy'[i % 2]}\n" for i in range(8)))
    assert seen.findings == []
    assert seen.dataset.records == 8
    note = "names lack their folder or extension; in the sub-folders, 8 of 8 exist"
    assert seen.dataset.notes == {"list": note}


def test_names_of_images_in_several_folders_are_missing(tmp_path):
    write_tree(tmp_path, {f"part_{i % 2}/{i}.jpg": photo(i) for i in range(8)})
    seen = scan_list(tmp_path, "".join(f"{i}.jpg {i % 2}\n" for i in range(8)), "list.txt")
    (finding,) = seen.findings
    assert (finding.rule, finding.records) == ("missing-file", 8)
    assert finding.message.endswith("in the sub-folders, 8 of 8 exist")


def test_names_longer_than_any_path_are_not_tried(tmp_path):
    folders = tuple(f"{i}/" for i in range(64))
    extensions = tuple(f".{i}" for i in range(64))
    known = KnownFiles(tmp_path, {"0/a.1": 5, "0/b.1": 5}, folders, extensions)
    start = time.monotonic()
    names = ["a", *["x" * 131_000] * 200, "b"]
    best = known.find_completion(names)
    assert (best.folder, best.extension, best.found) == ("0/", ".1", 2)
    assert time.monotonic() - start < 5
    assert known.find_completion(["x" * (MAX_NAME_LENGTH + 1)]).found == 0

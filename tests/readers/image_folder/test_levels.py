"""Which level of folders is the class."""

from __future__ import annotations

import pytest

from datascan.outputs.terminal.render import render
from datascan.readers.image_folder.levels import find_levels, is_split_or_kind
from tests.builders.images import photo, write_tree
from tests.readers.image_folder.support import report


@pytest.mark.parametrize(
    "name",
    [
        *("train", "val", "valid", "validation", "test", "dev", "train2017", "val2017", "Test"),
        *("images", "imgs", "img", "labels", "masks", "mask", "annotations", "JPEGImages"),
        *("ground_truth", "train_images", "test-data", "imagesTr", "labelsTs"),
    ],
)
def test_splits_and_kinds(name):
    assert is_split_or_kind(name)


@pytest.mark.parametrize(
    "name", ["cat", "trainer", "no_mask", "001.ak47", "n01440764", "", "data", "DIV2K_train_HR"]
)
def test_classes(name):
    assert not is_split_or_kind(name)


def levels_of(*files):
    by_folder = {}
    for file in files:
        folder, _, name = file.rpartition("/")
        by_folder.setdefault(folder and folder + "/", []).append(name)
    folders = {folder[: i + 1] for folder in by_folder for i, c in enumerate(folder) if c == "/"}
    return find_levels(sorted(folders), by_folder)


@pytest.mark.parametrize(
    ("files", "classes"),
    [
        (["cat/1", "dog/1"], ["cat", "dog"]),
        (["train/cat/1", "train/dog/1", "test/cat/2"], ["cat", "dog"]),
        (["train/cat/1", "train/dog/1", "val/1", "val/2"], ["cat", "dog"]),
        (["train/images/cat/1", "train/images/dog/1"], ["cat", "dog"]),
        (["images/train/1", "images/val/1"], []),
        (["imgs/1", "masks/1"], []),
        (["JPEGImages/1", "SegmentationClass/1"], []),
        (["VOCdevkit/JPEGImages/1", "VOCdevkit/SegmentationClass/1"], []),
        (["00000/img00000000", "00001/img00001000"], []),
        (["n01/images/n01_0", "n02/images/n02_0"], ["n01", "n02"]),
        (["train/n01/images/0", "train/n02/images/0", "val/images/1"], ["n01", "n02"]),
    ],
)
def test_trees(files, classes):
    assert list(levels_of(*files).classes) == classes


def test_a_class_may_be_called_like_a_split():
    names = [f"c{i}/1" for i in range(99)]
    levels = levels_of(*names, "test/1", "images/1")
    assert len(levels.classes) == 101
    assert levels.class_of("test/") == "test"


def test_classes_of_five_digits_have_files_that_begin_anew():
    names = [f"{folder:05}/{track:05}_00000" for folder in range(3) for track in range(2)]
    assert levels_of(*names).classes == ("00000", "00001", "00002")


def test_the_report_says_which_level_was_taken(tmp_path):
    files = ["train/cat/1.jpg", "train/dog/1.jpg", "val/cat/1.jpg", "val/dog/1.jpg", "test/1.jpg"]
    write_tree(tmp_path, {name: photo(i) for i, name in enumerate(files)})
    seen = report(tmp_path)
    assert seen.labels.names == ["cat", "dog"]
    assert seen.labels.counts == {"0": 2, "1": 2}
    assert seen.findings == []
    text = render([seen], colour=False, width=100)
    assert "folders classes are those in train, val; none in test\n" in text


def test_an_image_beside_the_classes_of_a_split_has_no_label(tmp_path):
    files = ["train/cat/1.jpg", "train/dog/1.jpg", "train/2.jpg", "val/3.jpg"]
    write_tree(tmp_path, {name: photo(i) for i, name in enumerate(files)})
    (finding,) = report(tmp_path).findings
    assert finding.rule == "missing-label"
    assert [example.key for example in finding.examples] == ["train/2.jpg"]


def test_an_empty_class_of_a_split(tmp_path):
    write_tree(tmp_path, {f"train/{c}/{c}.jpg": photo(i) for i, c in enumerate("abc")})
    (tmp_path / "train/d").mkdir()
    (tmp_path / "annotations").mkdir()
    seen = report(tmp_path)
    assert [finding.rule for finding in seen.findings] == ["empty-class"]
    assert "4 classes, 1 of which is empty, 1 record each" in render([seen], colour=False)

"""Images below a folder, and their classes."""

from __future__ import annotations

import os

import pytest

from datascan.config.options import Options
from datascan.outputs.terminal.render import render
from datascan.readers.image_folder import listing
from datascan.readers.image_folder.reader import ImageFolderReader
from tests.builders.images import encode, photo, pixels, write_tree
from tests.readers.image_folder.support import found, report


def test_class_folders(animals):
    seen = report(animals)
    assert seen.findings == []
    assert seen.labels.counts == {"0": 3, "1": 3}
    assert seen.labels.names == ["cat", "dog"]
    assert seen.dataset.records == 6
    assert [(s.shape, s.dtype, s.records) for s in seen.shapes] == [([3, 24, 32], "uint8", 6)]


def test_flat_folder_has_no_labels(tmp_path):
    write_tree(tmp_path, {f"{i}.png": encode(pixels(i), "PNG") for i in range(3)})
    seen = report(tmp_path)
    assert seen.findings == []
    assert seen.labels is None


def test_other_files_are_counted_and_left_alone(animals):
    assert report(animals).dataset.other_files == 0
    assert '"other_files"' not in report(animals).to_json()
    others = ["notes.txt", "cat/Thumbs.db", "cat/x.tga", "dog/in/y.mp4", ".git/HEAD", ".DS_Store"]
    write_tree(animals, dict.fromkeys(others, b"x"))
    seen = report(animals)
    assert [finding.rule for finding in seen.findings] == ["not-inspected"] * 2
    assert (seen.dataset.records, seen.dataset.other_files) == (6, 6)
    assert '"other_files": 6' in seen.to_json()
    assert "6 non-image files ignored\n" in render([seen], colour=False, width=80)


def test_hidden_images_are_images(animals):
    write_tree(animals, {"cat/._0.jpg": b"\0\5\x16\7\0\2\0\0", "dog/.1.jpg": photo(77)})
    write_tree(animals, {"dog/.cache/x.jpg": photo(78)})
    seen = report(animals)
    assert [(f.rule, f.records) for f in seen.findings] == [("not-an-image", 1)]
    (example,) = seen.findings[0].examples
    assert (example.index, example.key) == (0, "cat/._0.jpg")
    assert example.detail == "file metadata written by macOS (AppleDouble)"
    assert seen.labels.counts == {"0": 4, "1": 5}


@pytest.mark.parametrize("folder", [".ipynb_checkpoints", "__MACOSX"])
def test_a_hidden_folder_is_no_class(animals, folder):
    (animals / ".empty").mkdir()
    write_tree(animals, {f"{folder}/z.jpg": photo(77)})
    seen = report(animals)
    assert [(f.rule, f.records) for f in seen.findings] == [("missing-label", 1)]
    (example,) = seen.findings[0].examples
    assert (example.index, example.key) == (0, f"{folder}/z.jpg")
    assert example.detail.startswith(f"{folder} is not treated as a class, but torchvision")
    assert seen.labels.names == ["cat", "dog"]
    assert seen.labels.counts == {"0": 3, "1": 3}


def test_a_flat_folder_stays_flat_beside_a_hidden_one(tmp_path):
    write_tree(tmp_path, {"a.jpg": photo(1), "b.jpg": photo(2), ".thumbnails/a.jpg": photo(3)})
    seen = report(tmp_path)
    assert seen.findings == []
    assert seen.labels is None
    assert seen.dataset.records == 3


def test_order_is_by_code_point(tmp_path):
    names = ["b.jpg", "a/z.jpg", "B.jpg", "a.jpg", "a/Z.JPG", "ä.jpg"]
    write_tree(tmp_path, {name: photo(i) for i, name in enumerate(names)})
    reader = ImageFolderReader((tmp_path,), Options())
    (shard,) = reader.plan().shards
    assert reader.keys(shard, range(6)) == [
        "B.jpg",
        "a.jpg",
        "a/Z.JPG",
        "a/z.jpg",
        "b.jpg",
        "ä.jpg",
    ]


def test_a_file_outside_of_all_classes_has_no_label(animals):
    write_tree(animals, {"stray.jpg": photo(77)})
    assert found(animals) == {"missing-label": [(6, "stray.jpg")]}


def test_an_empty_class_folder(animals):
    (animals / "emu").mkdir()
    seen = report(animals)
    assert [finding.rule for finding in seen.findings] == ["empty-class"]
    assert "emu" in seen.findings[0].message


def test_links_in_a_circle(animals):
    (animals / "cat" / "again").symlink_to(animals)
    (animals / "self").symlink_to("self")
    assert report(animals).dataset.records == 6
    assert ImageFolderReader.accepts(animals)


def test_folders_deeper_than_python_recurses(tmp_path):
    prefix = "a/" * 400
    (tmp_path / prefix).mkdir(parents=True)
    write_tree(tmp_path, {f"{prefix}x.jpg": photo(1), "y.jpg": photo(2)})
    deeper = tmp_path / prefix / ("b/" * 300)
    deeper.mkdir(parents=True)
    (deeper / "z.jpg").write_bytes(photo(3))
    assert report(tmp_path, label_type="none").dataset.records == 3


def test_a_folder_that_cannot_be_read_is_a_finding(animals, monkeypatch):
    real = os.scandir

    def locked(path):
        if str(path).endswith("dog"):
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(listing.os, "scandir", locked)
    seen = report(animals)
    (finding,) = [finding for finding in seen.findings if finding.rule == "missing-file"]
    assert finding.message == "cannot read the folder dog: Permission denied"
    assert seen.dataset.records == 3
    assert not seen.passed


def test_a_linked_class_folder_is_followed(tmp_path):
    write_tree(tmp_path, {"real/a.jpg": photo(1), "set/own/b.jpg": photo(2)})
    (tmp_path / "set" / "linked").symlink_to(tmp_path / "real")
    seen = report(tmp_path / "set")
    assert seen.findings == []
    assert seen.labels.names == ["linked", "own"]


def test_folders_that_link_to_each_other_are_entered_once(tmp_path):
    names = [f"folder{i:02}" for i in range(12)]
    write_tree(tmp_path, {f"{name}/0.jpg": photo(i) for i, name in enumerate(names)})
    for name in names:
        for other in names:
            (tmp_path / name / f"to-{other}").symlink_to(tmp_path / other)
    seen = report(tmp_path)
    assert seen.dataset.records == 12
    assert seen.labels.names == names


def test_classes_that_are_links_win_over_nested_folders(tmp_path):
    write_tree(tmp_path, {"all/v1/cats/0.jpg": photo(1), "all/v1/dogs/0.jpg": photo(2)})
    (tmp_path / "cats").symlink_to("all/v1/cats")
    (tmp_path / "dogs").symlink_to("all/v1/dogs")
    seen = report(tmp_path)
    assert (seen.dataset.records, seen.labels.names) == (2, ["all", "cats", "dogs"])
    assert seen.labels.counts == {"1": 1, "2": 1}


def test_a_class_may_be_a_link_to_another(tmp_path):
    write_tree(tmp_path, {"cats/0.jpg": photo(1), "dogs/0.jpg": photo(2)})
    (tmp_path / "kittens").symlink_to("cats")
    seen = report(tmp_path)
    assert seen.labels.names == ["cats", "dogs", "kittens"]
    assert "duplicate-record" in [finding.rule for finding in seen.findings]


@pytest.mark.parametrize("target", ["/", ".."])
def test_a_link_to_a_folder_around_the_dataset_is_not_followed(animals, target):
    (animals / "elsewhere").symlink_to(target)
    seen = report(animals)
    assert seen.dataset.records == 6
    (finding,) = seen.findings
    assert finding.severity == "error"
    assert "a link to a folder that contains the dataset" in render([seen])

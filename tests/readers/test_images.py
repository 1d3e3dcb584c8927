"""Folders and lists of images."""

from __future__ import annotations

import os

import pytest

from datascan.discovery import classes
from datascan.errors import DatasetError
from datascan.measures.labels import measure_labels
from datascan.model import Check, Options
from datascan.readers.images import FILES_A_SHARD, ImagesReader
from datascan.reporting import report_of
from datascan.scanning import scan
from tests.building.images import encode, photo, pixels, write_tree

CHECKS = [kind() for kind in classes("checks", Check)]


def report(path, **options):
    options = {"batch_sizes": (1000,), **options}
    return report_of(scan(ImagesReader((path,), Options(**options)), CHECKS), version="test")


def found(path, **options):
    return {
        finding.rule: [(e.index, e.key) for e in finding.examples]
        for finding in report(path, **options).findings
    }


@pytest.fixture
def animals(tmp_path):
    files = {
        f"{animal}/{i}.jpg": photo(10 * rank + i)
        for rank, animal in enumerate(("cat", "dog"))
        for i in range(3)
    }
    return write_tree(tmp_path / "animals", files)


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


def test_other_files_are_left_alone(animals):
    write_tree(animals, {"notes.txt": b"x", "cat/Thumbs.db": b"y", ".hidden/a.jpg": b"z"})
    write_tree(animals, {"__MACOSX/cat/1.jpg": b"z", "cat/.1.jpg": b"z"})
    assert report(animals).dataset.records == 6


def test_order_is_by_code_point(tmp_path):
    names = ["b.jpg", "a/z.jpg", "B.jpg", "a.jpg", "a/Z.JPG", "ä.jpg"]
    write_tree(tmp_path, {name: photo(i) for i, name in enumerate(names)})
    reader = ImagesReader((tmp_path,), Options())
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


def test_faults_of_files(animals):
    write_tree(
        animals,
        {
            "cat/1.jpg": photo(1)[:300],
            "cat/2.jpg": b"",
            "dog/0.jpg": b"<html>",
            "dog/1.jpg": photo(0),
            "dog/2.jpg": encode(pixels(9, mode="L"), "PNG"),
        },
    )
    assert found(animals) == {
        "corrupt-image": [(1, "cat/1.jpg")],
        "empty-record": [(2, "cat/2.jpg")],
        "not-an-image": [(3, "dog/0.jpg")],
        "conflicting-label": [(0, "cat/0.jpg"), (4, "dog/1.jpg")],
        "duplicate-record": [(4, "dog/1.jpg")],
        "misnamed-image": [(5, "dog/2.jpg")],
        "mixed-channels": [(5, "dog/2.jpg")],
    }


def test_other_sizes_are_a_warning(animals):
    write_tree(animals, {"cat/1.jpg": photo(1, height=30)})
    seen = report(animals)
    assert [(f.rule, f.severity) for f in seen.findings] == [("shape-mismatch", "warning")]
    assert seen.passed


def test_blank_image(animals):
    write_tree(animals, {"cat/1.jpg": encode(pixels().point(lambda _: 0), "PNG")})
    assert set(found(animals)) == {"constant-record", "misnamed-image"}


def test_pipes_and_dead_links_are_never_waited_for(animals):
    os.mkfifo(animals / "cat" / "pipe.jpg")
    (animals / "dog" / "dead.jpg").symlink_to("nowhere.jpg")
    assert found(animals) == {"missing-file": [(3, "cat/pipe.jpg"), (7, "dog/dead.jpg")]}


def test_links_in_a_circle(animals):
    (animals / "cat" / "again").symlink_to(animals)
    (animals / "self").symlink_to("self")
    assert report(animals).dataset.records == 6
    assert ImagesReader.matches(animals)


def test_a_file_that_vanishes(animals):
    reader = ImagesReader((animals,), Options())
    (shard,) = reader.plan().shards
    (animals / "cat" / "1.jpg").unlink()
    (block,) = reader.read(shard)
    assert [(fault.row, fault.rule) for fault in block.faults] == [(1, "missing-file")]


def test_names_that_are_not_text(tmp_path):
    name = os.fsdecode(b"a\xff\n.jpg")
    (tmp_path / name).write_bytes(b"junk")
    seen = report(tmp_path)
    assert seen.findings[0].examples[0].key == "a\\xff\n.jpg"
    assert b"a\\xff\\n.jpg" in seen.to_json().encode().replace(b"\\\\", b"\\")


def test_caffe_list(animals, tmp_path):
    write_tree(animals, {"two words.jpg": photo(55)})
    lines = "dog/1.jpg 7\ntwo words.jpg 3\ngone.jpg 1\n\ncat/0.jpg 0\n"
    (tmp_path / "list.txt").write_text(lines)
    options = {"list_file": tmp_path / "list.txt", "num_classes": 8}
    assert found(animals, **options, ignore=()) == {
        "missing-file": [(2, "gone.jpg")],
        "empty-class": [(None, None)] * 4,
    }
    assert report(animals, **options).labels.counts == {"0": 1, "1": 1, "3": 1, "7": 1}


def test_csv_list_with_class_names(animals, tmp_path):
    (tmp_path / "list.csv").write_text(
        'label,path\nhund,dog/1.jpg\n"katze","cat/0.jpg"\n,cat/1.jpg\n'
    )
    seen = report(animals, list_file=tmp_path / "list.csv")
    assert seen.labels.names == ["hund", "katze"]
    assert seen.labels.counts == {"0": 1, "1": 1}
    assert [finding.rule for finding in seen.findings] == ["missing-label"]


@pytest.mark.parametrize(
    ("words", "dtype", "kind"), [("0 1 2", "i", "class"), ("0.5 1.25 2", "f", "regression")]
)
def test_labels_of_lists(animals, tmp_path, words, dtype, kind):
    lines = [f"cat/{i}.jpg {word}" for i, word in enumerate(words.split())]
    (tmp_path / "list.txt").write_text("\n".join(lines))
    reader = ImagesReader((animals,), Options(list_file=tmp_path / "list.txt"))
    result = scan(reader, [])
    assert result.dataset.tally_of(measure_labels).values.array.dtype.kind == dtype
    assert report_of(result, version="test").labels.kind == kind


def test_lists_that_are_none(animals, tmp_path):
    with pytest.raises(DatasetError, match="cannot read the list"):
        report(animals, list_file=tmp_path / "absent")
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(DatasetError, match="names no images"):
        report(animals, list_file=tmp_path / "empty")
    (tmp_path / "binary").write_bytes(bytes(100))
    with pytest.raises(DatasetError, match="binary"):
        report(animals, list_file=tmp_path / "binary")


def test_no_images(tmp_path):
    assert not ImagesReader.matches(tmp_path)
    with pytest.raises(DatasetError, match="holds no file"):
        report(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(DatasetError, match="no folder of images"):
        report(tmp_path / "file")


@pytest.mark.parametrize("limit", [1, 4, 100])
def test_limit(animals, limit):
    assert report(animals, limit=limit).dataset.records == min(limit, 6)


def test_many_files_in_several_shards(tmp_path):
    data = photo()
    for i in range(FILES_A_SHARD + 44):
        (tmp_path / f"{i:04}.jpg").write_bytes(data)
    reader = ImagesReader((tmp_path,), Options())
    plan = reader.plan()
    assert [shard.span for shard in plan.shards] == [(0, 256), (256, 300)]
    one = report(tmp_path, workers=0).to_json().splitlines()
    two = report(tmp_path, workers=2).to_json().splitlines()
    assert [a for a in one if "elapsed" not in a] == [b for b in two if "elapsed" not in b]

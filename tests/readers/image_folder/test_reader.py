"""Folders and lists of images."""

from __future__ import annotations

import os

import numpy as np
import pytest

from datascan.config.options import Options
from datascan.errors import DatasetError
from datascan.metrics.labels import measure_labels
from datascan.outputs.terminal.render import render
from datascan.plugins import CHECKS as CHECK_RULES
from datascan.plugins import load, rule_target
from datascan.readers.image_folder import listing
from datascan.readers.image_folder.reader import FILES_PER_SHARD, ImageFolderReader
from datascan.report.build import build_report
from datascan.scanner.scan import scan
from datascan.testing.reader_laws import untracked
from tests.builders.images import encode, photo, pixels, write_tree

CHECKS = [load(rule_target(rule))() for rule in CHECK_RULES]


def report(path, **options):
    options = {"batch_sizes": (1000,), **options}
    return build_report(
        scan(ImageFolderReader((path,), Options().replace(**options)), CHECKS), version="test"
    )


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


def test_other_files_are_counted_and_left_alone(animals):
    assert report(animals).dataset.other_files == 0
    assert '"other_files"' not in report(animals).to_json()
    others = ["notes.txt", "cat/Thumbs.db", "cat/x.tga", "dog/in/y.mp4", ".git/HEAD", ".DS_Store"]
    write_tree(animals, dict.fromkeys(others, b"x"))
    seen = report(animals)
    assert seen.findings == []
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


def test_a_bounded_look_is_not_spent_on_hidden_folders(animals, monkeypatch):
    write_tree(animals, {f".git/{i}": b"" for i in range(20)})
    monkeypatch.setattr("datascan.readers.image_folder.reader.MAX_ENTRIES_TO_DETECT", 10)
    assert ImageFolderReader.accepts(animals)


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
    assert ImageFolderReader.accepts(animals)


def test_a_file_that_vanishes(animals):
    reader = ImageFolderReader((animals,), Options())
    (shard,) = reader.plan().shards
    (animals / "cat" / "1.jpg").unlink()
    (block,) = reader.read(shard, untracked)
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
    reader = ImageFolderReader((animals,), Options().replace(list_file=tmp_path / "list.txt"))
    result = scan(reader, [])
    assert result.summary.tally(measure_labels).values.array.dtype.kind == dtype
    assert build_report(result, version="test").labels.kind == kind


def test_one_label_that_is_no_number_is_one_mistake(animals, tmp_path):
    write_tree(animals, {f"n/{i}.jpg": photo(70 + i) for i in range(30)})
    words = ["1O" if i == 13 else str(i % 10) for i in range(30)]
    lines = [f"n/{i}.jpg {word}" for i, word in enumerate(words)]
    (tmp_path / "list.txt").write_text("\n".join(lines))
    options = {"list_file": tmp_path / "list.txt", "num_classes": 10, "label_type": "class"}
    seen = report(animals, **options)
    (wrong,) = (f for f in seen.findings if f.severity == "error")
    assert (wrong.rule, [e.index for e in wrong.examples]) == ("non-integer-label", [13])
    assert seen.labels.counts == {str(i): 2 if i == 3 else 3 for i in range(10)}


def test_paths_that_begin_with_a_slash_lie_in_the_folder(animals, tmp_path):
    lines = f"/cat/0.jpg 0\n{animals / 'cat/1.jpg'} 1\n/cat/gone.jpg 2\n"
    (tmp_path / "list.txt").write_text(lines)
    seen = report(animals, list_file=tmp_path / "list.txt")
    (missing,) = (f for f in seen.findings if f.rule == "missing-file")
    assert [e.key for e in missing.examples] == ["/cat/gone.jpg"]


@pytest.mark.parametrize(
    "text",
    [
        "cat/0.jpg,0\ncat/1.jpg,1\n",
        "filename,label\ncat/0.jpg,0\ncat/1.jpg,1\n",
        "label;path\n0;cat/0.jpg\n1;cat/1.jpg\n",
        "image\tclass\ncat/0.jpg\t0\ncat/1.jpg\t1\n",
        "cat/0.jpg 0\ncat/1.jpg 1\n",
    ],
)
def test_columns_of_many_forms(animals, tmp_path, text):
    (tmp_path / "list.csv").write_text(text)
    seen = report(animals, list_file=tmp_path / "list.csv")
    assert seen.dataset.records == 2
    assert seen.labels.counts == {"0": 1, "1": 1}


def test_lists_that_are_none(animals, tmp_path):
    with pytest.raises(DatasetError, match="cannot read the list"):
        report(animals, list_file=tmp_path / "absent")
    (tmp_path / "empty").write_text("\n")
    with pytest.raises(DatasetError, match="contains no images"):
        report(animals, list_file=tmp_path / "empty")
    (tmp_path / "binary").write_bytes(bytes(100))
    with pytest.raises(DatasetError, match="binary"):
        report(animals, list_file=tmp_path / "binary")


def test_no_images(tmp_path):
    assert not ImageFolderReader.accepts(tmp_path)
    with pytest.raises(DatasetError, match="contains no file"):
        report(tmp_path)
    (tmp_path / "file").write_text("x")
    with pytest.raises(DatasetError, match="not a folder of images"):
        report(tmp_path / "file")


@pytest.mark.parametrize("limit", [1, 4, 100])
def test_limit(animals, limit):
    assert report(animals, limit=limit).dataset.records == min(limit, 6)


def test_many_files_in_several_shards(tmp_path):
    data = photo()
    for i in range(FILES_PER_SHARD + 44):
        (tmp_path / f"{i:04}.jpg").write_bytes(data)
    reader = ImageFolderReader((tmp_path,), Options())
    plan = reader.plan()
    assert [shard.span for shard in plan.shards] == [(0, 256), (256, 300)]
    one = report(tmp_path, workers=0).to_json().splitlines()
    two = report(tmp_path, workers=2).to_json().splitlines()
    assert [a for a in one if "elapsed" not in a] == [b for b in two if "elapsed" not in b]


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


def test_a_folder_is_recognised_by_a_bounded_look(tmp_path, monkeypatch):
    for i in range(20):
        (tmp_path / f"{i}.txt").write_text("x")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "1.png").write_bytes(b"")
    assert ImageFolderReader.accepts(tmp_path)
    monkeypatch.setattr("datascan.readers.image_folder.reader.MAX_ENTRIES_TO_DETECT", 15)
    assert not ImageFolderReader.accepts(tmp_path)


def test_large_files_are_read_a_few_at_a_time(animals, monkeypatch):
    sizes = [(animals / name).stat().st_size for name in ("cat/0.jpg", "cat/1.jpg")]
    monkeypatch.setattr("datascan.readers.image_folder.reader.BLOCK_BYTES", sum(sizes) + 1)
    reader = ImageFolderReader((animals,), Options())
    (shard,) = reader.plan().shards
    blocks = list(reader.read(shard, untracked))
    assert sum(block.records for block in blocks) == 6
    assert blocks[0].records == 2
    assert [block.start for block in blocks] == [0, *np.cumsum([b.records for b in blocks])[:-1]]
    monkeypatch.setattr("datascan.readers.image_folder.reader.BLOCK_BYTES", 1)
    assert [block.records for block in reader.read(shard, untracked)] == [1] * 6
    assert [block.start for block in reader.read(shard.slice(2, 4), untracked)] == [2, 3]


def test_a_quote_that_is_never_closed(animals, tmp_path):
    (tmp_path / "list.csv").write_text('path,label\n"' + "x" * 200_000)
    with pytest.raises(DatasetError, match="unclosed quote"):
        report(animals, list_file=tmp_path / "list.csv")


@pytest.mark.parametrize("odd", ["\x85", "\u2028", "\x0c", "\x1e"])
def test_only_line_ends_end_a_line(animals, tmp_path, odd):
    write_tree(animals, {f"a{odd}b.jpg": photo(60)})
    text = f"\ufeffa{odd}b.jpg 1\r\ncat/0.jpg 0\ncat/1.jpg 1\n"
    (tmp_path / "list.txt").write_bytes(text.encode())
    seen = report(animals, list_file=tmp_path / "list.txt")
    assert seen.findings == []
    assert seen.labels.counts == {"0": 1, "1": 2}


def test_a_list_of_what_must_not_be_opened(animals, tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    lines = ["/dev/zero 0", f"{tmp_path}/pipe.jpg 1", ". 0", "x" * 300 + ".jpg 1", "cat/0.jpg 0"]
    (tmp_path / "list.txt").write_text("\n".join(lines))
    seen = report(animals, list_file=tmp_path / "list.txt")
    (finding,) = seen.findings
    assert finding.rule == "missing-file"
    assert [e.index for e in finding.examples] == [0, 1, 2, 3]
    assert [e.detail for e in finding.examples][:3] == ["not a regular file"] * 3
    assert seen.labels.counts == {"0": 3, "1": 2}


def test_class_names_that_are_not_text(tmp_path):
    for i, name in enumerate((b"k\xe4fer", b"ok")):
        folder = tmp_path / os.fsdecode(name)
        folder.mkdir()
        (folder / "a.jpg").write_bytes(photo(i))
    seen = report(tmp_path)
    assert seen.findings == []
    assert "k\\xe4fer" in seen.labels.names
    seen.to_json().encode()


def test_a_linked_class_folder_is_followed(tmp_path):
    write_tree(tmp_path, {"real/a.jpg": photo(1), "set/own/b.jpg": photo(2)})
    (tmp_path / "set" / "linked").symlink_to(tmp_path / "real")
    seen = report(tmp_path / "set")
    assert seen.findings == []
    assert seen.labels.names == ["linked", "own"]


def test_one_mistyped_label_leaves_all_others_alone(tmp_path):
    write_tree(tmp_path / "set", {f"{i}.jpg": photo(i) for i in range(60)})
    lines = [f"{i}.jpg {i % 20 if i != 33 else '1O'}" for i in range(60)]
    (tmp_path / "list.txt").write_text("\n".join(lines))
    seen = report(tmp_path / "set", list_file=tmp_path / "list.txt", num_classes=20)
    (finding,) = seen.findings
    assert (finding.rule, finding.records) == ("non-integer-label", 1)
    assert finding.message == "1 of 60 class labels is not a whole number"
    (example,) = finding.examples
    assert (example.index, example.key) == (33, "33.jpg")
    assert example.detail == "label '1O' is not a number; Caffe reads it as 1"
    assert seen.labels.counts == {str(i): 2 if i == 13 else 3 for i in range(20)}
    assert seen.labels.names is None
    assert seen.labels.missing == 0


def test_text_among_targets_is_missing(animals, tmp_path):
    (tmp_path / "list.txt").write_text("cat/0.jpg 0.5\ncat/1.jpg 1.25\ncat/2.jpg n/a\n")
    seen = report(animals, list_file=tmp_path / "list.txt")
    assert [(f.rule, f.examples[0].index) for f in seen.findings] == [("missing-label", 2)]
    assert seen.labels.kind == "regression"


def test_a_leading_slash_is_below_the_folder_where_it_leads_nowhere_else(animals, tmp_path):
    lines = f"/cat/0.jpg 0\n//dog/0.jpg 1\n{animals}/cat/1.jpg 0\n/gone.jpg 1\n"
    (tmp_path / "list.txt").write_text(lines)
    assert found(animals, list_file=tmp_path / "list.txt") == {"missing-file": [(3, "/gone.jpg")]}
    (tmp_path / "plain.txt").write_text("cat/0.jpg 0\ndog/0.jpg 1\ncat/1.jpg 0\ngone.jpg 1\n")
    first, second = (report(animals, list_file=tmp_path / f"{n}.txt") for n in ("list", "plain"))
    assert first.dataset.bytes == second.dataset.bytes > 0

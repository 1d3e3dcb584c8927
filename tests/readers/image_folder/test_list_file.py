"""Lists of images: lines and CSV."""

from __future__ import annotations

import os

import pytest

from datascan.config.options import Options
from datascan.decoders.image.inspection import inspect_image
from datascan.errors import DatasetError
from datascan.metrics.labels import measure_labels
from datascan.readers.image_folder import list_file
from datascan.readers.image_folder.list_file import (
    LABELS,
    MAX_LINE_BYTES,
    PATHS,
    count_lines,
    detect_separator,
    parse_csv,
    parse_lines,
    read_list,
)
from datascan.readers.image_folder.reader import ImageFolderReader
from datascan.report.build import build_report
from datascan.scanner.scan import scan
from tests.builders.images import photo, write_tree
from tests.readers.image_folder.support import found, report


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


def test_a_file_of_many_lines_is_inspected_once(animals, tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(
        "datascan.readers.image_folder.image_files.inspect_image",
        lambda *given: calls.append(given) or inspect_image(*given),
    )
    (tmp_path / "list.txt").write_text("cat/0.jpg 0\ncat/../cat/0.jpg 0\ndog/0.jpg 1\n" * 400)
    seen = report(animals, list_file=tmp_path / "list.txt", workers=0)
    assert seen.dataset.records == 1200
    assert len(calls) == 2


def test_a_file_with_two_extensions_is_inspected_for_each(animals, tmp_path):
    (animals / "cat" / "0.png").symlink_to("0.jpg")
    (tmp_path / "list.txt").write_text("cat/0.jpg 0\ncat/0.png 0\n")
    seen = report(animals, list_file=tmp_path / "list.txt")
    (finding,) = [one for one in seen.findings if one.rule == "misnamed-image"]
    assert [example.index for example in finding.examples] == [1]


def test_the_lines_of_a_list_are_limited(animals, tmp_path, monkeypatch):
    monkeypatch.setattr("datascan.readers.image_folder.list_file.MAX_LINES", 3)
    (tmp_path / "list.txt").write_text("cat/0.jpg 0\n" * 4)
    with pytest.raises(DatasetError, match="more than 3 lines"):
        report(animals, list_file=tmp_path / "list.txt")


@pytest.mark.parametrize(
    ("text", "suffix", "separator"),
    [
        ("path,label\n", ".txt", ","),
        ("label;Image\n", ".txt", ";"),
        ("\n\nlabel\tfile_path\n", ".txt", "\t"),
        ("filename\na.jpg\n", ".txt", ","),
        ('"PATH"\na.jpg\n', ".txt", ","),
        ("a.jpg,1\n", ".csv", ","),
        ("a.jpg;1\n", ".csv", ";"),
        ("a.jpg,1\n", ".txt", None),
        ("a.jpg 1\n", ".csv", None),
        ("a.jpg 1\npath,label\n", ".txt", None),
        ("", ".csv", None),
    ],
)
def test_separators(text, suffix, separator):
    assert detect_separator(text, suffix) == separator


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("path,label\na.jpg, 1 \n", [("a.jpg", "1")]),
        ("label,path\n1,a.jpg\n", [("a.jpg", "1")]),
        ("id,path\n1,a.jpg\n", [("a.jpg", "")]),
        ("a.jpg,1\nb.jpg\n", [("a.jpg", "1"), ("b.jpg", "")]),
        ("path,label\n,5\n  ,6\nb.jpg,7\n\n", [("b.jpg", "7")]),
        ("label,path\n5\n6,b.jpg\n", [("b.jpg", "6")]),
        ('path,label\n"a,b.jpg",1\n', [("a,b.jpg", "1")]),
        ('path,label\r\n"a\nb.jpg",1\r\n', [("a\nb.jpg", "1")]),
        ("\n path,label\na.jpg,1", [("a.jpg", "1")]),
    ],
)
def test_rows_of_a_csv(text, rows):
    assert list(parse_csv(text, ",")) == rows


@pytest.mark.parametrize("column", PATHS)
def test_columns_of_paths(column):
    assert list(parse_csv(f"x,{column.upper()}\n1,a.jpg\n", ",")) == [("a.jpg", "")]


@pytest.mark.parametrize("column", LABELS)
def test_columns_of_labels(column):
    assert list(parse_csv(f"{column},path\n1,a.jpg\n", ",")) == [("a.jpg", "1")]


def test_names_of_columns():
    assert set(PATHS) >= {"path", "file", "filename", "image", "image_path"}
    assert set(LABELS) >= {"label", "class", "target", "category"}


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a.jpg 1\nb c.jpg\t2\r\n", [("a.jpg", "1"), ("b c.jpg", "2")]),
        ("\n c.jpg 3\rd.jpg 4", [("c.jpg", "3"), ("d.jpg", "4")]),
        ("a b.jpg", [("a b.jpg", "")]),
        ("a.jpg cat", [("a.jpg", "cat")]),
        ("a.jpg 1.5 2", [("a.jpg 1.5", "2")]),
        ("a\x85b.jpg 1", [("a\x85b.jpg", "1")]),
        (" \n", []),
    ],
)
def test_lines(text, rows):
    assert list(parse_lines(text)) == rows


@pytest.mark.parametrize(
    ("text", "count"), [(b"", 1), (b"a\nb", 2), (b"a\r\nb\r\n", 3), (b"a\rb\n\rc", 4)]
)
def test_lines_are_counted(text, count):
    assert count_lines(text) == count


def test_a_list_of_too_many_lines(animals, tmp_path, monkeypatch):
    monkeypatch.setattr(list_file, "MAX_LINES", 3)
    (tmp_path / "list.txt").write_text("cat/0.jpg 0\n\n")
    assert report(animals, list_file=tmp_path / "list.txt").dataset.records == 1
    (tmp_path / "list.txt").write_text("cat/0.jpg 0\n\n\n")
    with pytest.raises(DatasetError, match="it has more than 3 lines"):
        report(animals, list_file=tmp_path / "list.txt")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("," * (1 << 20) + ",", "a line exceeds 1,048,576 bytes"),
        ('{"path": "0.jpg", "x": [' + "[]," * 400_000 + "[]]}", "a line exceeds 1,048,576 bytes"),
        ("path,label\n0.jpg,1\n" + '"\n\n",' * 300_000, "a row exceeds 1,048,576 bytes"),
    ],
    ids=["commas", "members", "one row of many lines"],
)
def test_a_line_that_would_take_all_memory(tmp_path, text, why):
    write_tree(tmp_path, {"0.jpg": photo()})
    (tmp_path / "list.csv").write_text(text)
    with pytest.raises(DatasetError, match=why):
        read_list(tmp_path / "list.csv", tmp_path)


def test_the_longest_line_is_read(tmp_path):
    write_tree(tmp_path, {"0.jpg": photo()})
    longest = "0.jpg" + " " * ((1 << 20) - 7) + "1"
    assert len(longest) == MAX_LINE_BYTES - 1
    (tmp_path / "list.txt").write_text(f"{longest}\r\n{longest}\r{longest}\n" * 2)
    assert read_list(tmp_path / "list.txt", tmp_path).names == ["0.jpg"] * 6


def test_a_csv_with_carriage_returns(tmp_path):
    write_tree(tmp_path, {"0.jpg": photo()})
    (tmp_path / "list.txt").write_text("label,path\r7,0.jpg\r")
    assert read_list(tmp_path / "list.txt", tmp_path).names == ["0.jpg"]

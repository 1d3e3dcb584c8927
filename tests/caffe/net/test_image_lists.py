"""Lists of ImageData layers: their folders, and texts that are not lists."""

from __future__ import annotations

import pytest

from datascan.caffe.net import image_lists
from datascan.caffe.net.image_lists import (
    explain_unjoined_root,
    find_image_folder,
    read_first_name,
    require_list,
    require_listed_images,
)
from datascan.caffe.net.sources import Missing
from datascan.caffe.net.training import read_training
from tests.builders.caffe import layer, write_net


def training(folder, root_folder=None, text="a/1.jpg 0\n", **options):
    """A net that reads ``list.txt``."""
    (folder / "list.txt").write_bytes(text if isinstance(text, bytes) else text.encode())
    more = f'root_folder: "{root_folder}"' if root_folder is not None else ""
    param = f'image_data_param {{ source: "list.txt" batch_size: 1 {more} }}'
    return read_training(
        write_net(folder, layer("i", "ImageData", "", "data label", param)), **options
    )


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()


def folder_of(found):
    return find_image_folder(found.sources[0], found)


def test_the_folder_that_holds_the_first_file(tmp_path):
    root = tmp_path / "root"
    touch(root / "sub" / "other.jpg")
    touch(tmp_path / "sub" / "a" / "1.jpg")
    found = training(tmp_path, "sub/", root=root)
    assert folder_of(found) == tmp_path / "sub"
    touch(root / "sub" / "a" / "1.jpg")
    assert folder_of(found) == root / "sub"


def test_without_any_listed_file_the_first_folder_counts(tmp_path):
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (tmp_path / "sub").mkdir()
    assert folder_of(training(tmp_path, "sub/", root=root)) == root / "sub"


def test_a_folder_that_does_not_exist(tmp_path):
    touch(tmp_path / "file")
    for name in ("absent/", "file"):
        with pytest.raises(Missing, match=f"root_folder {name} does not exist"):
            folder_of(training(tmp_path, name))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("a.jpg 0\nb.jpg 1\n", "a.jpg"),
        ("\n\n  a b.jpg 7", "a b.jpg"),
        (b"\xef\xbb\xbfa.jpg 0", "a.jpg"),
        (b"\xff.jpg 0", "\udcff.jpg"),
        ("", ""),
    ],
)
def test_the_first_file_of_a_list(tmp_path, text, name):
    assert read_first_name(training(tmp_path, text=text).sources[0]) == name


def test_only_the_beginning_is_read(tmp_path, monkeypatch):
    source = training(tmp_path, text="a" * 100 + ".jpg 0").sources[0]
    monkeypatch.setattr(image_lists, "MAX_FIRST_LINE", 10)
    assert read_first_name(source) == "a" * 10


def test_a_list_that_cannot_be_read(tmp_path):
    found = training(tmp_path)
    (tmp_path / "list.txt").unlink()
    assert read_first_name(found.sources[0]) == ""
    require_listed_images(found.sources[0], tmp_path)


def check(folder, text, **options):
    found = training(folder, text=text, **options)
    require_listed_images(found.sources[0], folder)


def test_lists_and_other_texts(tmp_path):
    touch(tmp_path / "a.jpg")
    check(tmp_path, "a.jpg 0\nabsent.jpg 1\nb.png 0\n")
    check(tmp_path, "a.jpg 0\na.jpg 0\nsome words\nmore words\n")
    check(tmp_path, "")
    with pytest.raises(Missing, match=r"not a list of files: 1 of its 3 lines names an existing"):
        check(tmp_path, "a.jpg 0\nsome words\nmore words\n")
    with pytest.raises(Missing, match=r"not a list of files: none of its 2 lines names an"):
        check(tmp_path, "b.jpg 0\nc.jpg 1\n")


def test_a_line_that_was_cut_does_not_count(tmp_path, monkeypatch):
    touch(tmp_path / "a.jpg")
    monkeypatch.setattr(image_lists, "MAX_HEAD", 12)
    check(tmp_path, "a.jpg 0\nsome words that are cut")
    with pytest.raises(Missing):
        check(tmp_path, "so\nw a.jpg 0\n")


@pytest.mark.parametrize(
    ("lines", "missing", "plausible", "accepted"),
    [
        (0, 0, 0, True),
        (1, 0, 0, True),
        (1, 1, 1, False),
        (4, 2, 0, True),
        (5, 3, 0, False),
        (5, 3, 1, True),
        (1000, 999, 499, True),
        (1000, 999, 498, False),
    ],
)
def test_half_of_the_lines_decide(tmp_path, lines, missing, plausible, accepted):
    names = [f"{i}.jpg" for i in range(missing)]
    if accepted:
        require_list(tmp_path, lines, names, names[:plausible])
        return
    with pytest.raises(Missing):
        require_list(tmp_path, lines, names, names[:plausible])


def test_several_lines_name_files(tmp_path):
    with pytest.raises(Missing, match=r"2 of its 1,000 lines name an existing file"):
        require_list(tmp_path, 1000, ["x"] * 998, [])


def test_a_slash_that_caffe_misses(tmp_path):
    def explained(root, text="1.jpg 0"):
        found = training(tmp_path, root, text)
        return explain_unjoined_root(found.sources[0], found)

    assert explained("sub") == ('root_folder sub does not end in "/": Caffe looks for sub1.jpg')
    assert explained("sub/") is None
    assert explained("sub", "/1.jpg 0") is None
    assert explained("sub", "") is None
    assert explained(None) is None
    touch(tmp_path / "sub1.jpg")
    assert explained("sub") is None

"""The table of docs/images.md; ``scripts/bench images`` asks all tools about all images."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from benchmarks.images import (
    DAMAGE,
    FORMATS,
    PAGE,
    TOOLS,
    Count,
    Tool,
    damage,
    find_healthy,
    judge_image,
    make_table,
    refused_by,
    says_broken,
)

from tests.builders.images import encode, photo, pixels, write_tree


def test_images_are_judged_by_all_tools_that_are_installed(tmp_path):
    write_tree(tmp_path, {"a.jpg": photo(), "b.jpg": photo()[:-40], "c.png": b"\x89PNG"})
    names = {tool.name for tool in TOOLS if tool.is_installed and tool.formats in (None, ("JPEG",))}
    kind, refused, why = judge_image(tmp_path / "a.jpg")
    assert (kind, sum(refused.values()), why) == ("JPEG", 0, [])
    assert set(refused) >= {"datascan", "Pillow", *names}
    kind, refused, why = judge_image(tmp_path / "b.jpg")
    assert refused["datascan"] == refused["any rule"] == refused["Pillow"] == 1
    assert why == ["corrupt-image: JPEG: Premature end of JPEG file"]
    # By the name, if the content is not an image.
    assert judge_image(tmp_path / "c.png")[0] == "PNG"


def test_commands_that_fail_refuse(tmp_path):
    path = tmp_path / "file"
    path.write_text("text")
    assert refused_by("grep", "-q", "other", "{}")(path)
    assert not refused_by("grep", "-q", "text", "{}")(path)


def test_healthy_and_damaged_images(tmp_path):
    home, copies = tmp_path / "home", tmp_path / "copies"
    home.mkdir()
    copies.mkdir()
    files = {"a.png": encode(pixels(), "PNG"), "broken/b.png": b"no", "notes.txt": b"text"}
    folder = write_tree(tmp_path / "folder", files)
    healthy = find_healthy(home, [folder])
    assert folder / "a.png" in healthy
    assert len(healthy) > 300
    assert not {folder / "broken/b.png", folder / "notes.txt"} & set(healthy)
    made = list(damage(copies, [folder / "a.png"]))
    assert len(made) == 8
    assert all(judge_image(path)[1]["datascan"] for path in made)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("good.png", False), ("Corrupt/a.png", True), ("pngsuite/xs1.png", True), ("xs1.png", False)],
)
def test_names_that_say_that_an_image_is_broken(tmp_path, name, expected):
    assert says_broken(tmp_path / name, tmp_path) is expected


def test_the_table():
    counts = {"JPEG": Count(3, Counter(datascan=1, jpeginfo=2)), "PNG": Count(2), "GIF": Count()}
    table = make_table(counts, ["datascan", "Pillow"], "healthy")
    assert table.splitlines() == [
        "| format | healthy | datascan | Pillow |",
        "| --- | --- | --- | --- |",
        "| JPEG | 3 | 1 | 0 |",
        "| PNG | 2 | 0 | 0 |",
        "| all | 5 | 1 | 0 |",
    ]
    assert not Tool("other", "no-such-program", None, refused_by("no-such-program")).is_installed


EXPLAINED = {"0x00-to-0xFF-between-segments.jpg", "00r0_gray_l.jp2"}
"""Strict libjpeg and current OpenJPEG refuse them, older or lenient decoders do not."""


def test_the_page_has_no_false_alarm_without_a_reason():
    parts = Path(PAGE).read_text().split("## ")
    healthy = [line.strip("| ").split(" | ") for line in parts[1].splitlines() if "|" in line]
    head, rows = healthy[0], healthy[2:]
    assert {row[0] for row in rows} >= {"JPEG", "PNG", "TIFF", "BMP", "GIF", "WebP", "all"}
    assert {row[0] for row in rows} <= {*FORMATS, "HEIC", "JPEG XL", "all"}
    named = {line.split("`")[1] for line in parts[1].splitlines() if line.startswith("- `")}
    assert named <= EXPLAINED
    assert rows[-1][head.index("datascan")] == str(len(named))
    assert {"corrupt-image", "not-an-image"} <= DAMAGE

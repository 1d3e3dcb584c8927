"""Words for an owner who does not program, and the command in full."""

from __future__ import annotations

import re
from importlib.resources import files

from msgspec.structs import replace

from datascan.outputs.html import render
from datascan.outputs.html.words import LONGEST, MARKS, WORDS, noun_of, whole_command
from datascan.report.model import Report
from datascan.testing.reports import finding, report
from tests.outputs.html.reading import read_safely

PIXEL = "data:image/png;base64,iVBORw0KGgo="


def page_of(one: Report) -> str:
    return " ".join(read_safely(render([one])).words.split())


def test_words_are_explained_in_sentences():
    assert len({word for word, _ in WORDS}) == len(WORDS)
    assert all(re.fullmatch(r"[A-Z].*\.", text) for _, text in WORDS)
    text = page_of(report())
    assert all(word in text for word, _ in WORDS)


def test_a_record_is_an_image_if_it_is_one():
    assert noun_of(report()) == "record"
    images = report(finding(), dataset=replace(report().dataset, backend="images"))
    assert noun_of(images) == "image"
    assert "5 images · 0.50%" in page_of(images)


def test_the_command_is_never_cut():
    command = f"datascan lmdb {'x' * 2000}"
    assert command in page_of(report(command=command))
    assert whole_command(report(command="x" * (LONGEST + 1))) == ""
    assert whole_command(report()) == ""
    assert whole_command(report(command="a\x1b[31m")) == r"a\x1b[31m"


def test_a_finding_is_headed_by_its_title():
    text = page_of(report(finding(), finding(rule="too-bright", severity="warning")))
    assert "Missing values (NaN) nan-value" in text
    assert "Too bright too-bright" in text


def test_the_opening_comes_before_the_findings():
    text = page_of(report(finding(), opening=["Do this.", "Do that."]))
    assert text.index("Do this. Do that.") < text.index("Findings")


def test_marks_are_explained_where_they_are():
    assert MARKS in page_of(report(finding(), thumbnails={"0": PIXEL}))
    assert MARKS not in page_of(report(finding()))
    other = finding(rule="constant-record")
    assert MARKS not in page_of(report(other, thumbnails={"0": PIXEL}))


def style_of(selector: str) -> str:
    css = files("datascan.outputs.html").joinpath("assets/report.css").read_text("utf-8")
    return " ".join(re.findall(rf"(?m)^\s*{re.escape(selector)} \{{([^}}]*)\}}", css))


def test_what_is_wide_scrolls_in_its_own_box():
    assert "overflow-x: auto" in style_of(".scroll")


def test_a_long_command_is_wrapped_and_copied_whole():
    style = style_of(".command pre")
    assert "white-space: pre-wrap" in style
    assert "overflow-wrap: anywhere" in style
    assert "user-select: all" in style


def test_pictures_have_a_border():
    assert "border: 1px solid" in style_of("td.picture img")

"""The words of an opening: every rule has some, in plain English."""

from __future__ import annotations

import pytest

from datascan.plugins import CHECKS
from datascan.report.opening.reasons import (
    BLANK,
    CUT,
    POINTER,
    UNUSABLE,
    UNUSUAL,
    WEB_PAGE,
    WHOLE,
    clause_of,
    decision_of,
    reason_of,
    reason_of_content,
    reason_of_damage,
)


def test_every_rule_has_words_of_its_own():
    unworded = {*CHECKS} - {*UNUSABLE, *UNUSUAL, *WHOLE, "conflicting-label", "missing-label"}
    assert unworded == set()


def test_words_are_those_of_rules():
    assert {*UNUSABLE, *UNUSUAL, *WHOLE} <= {*CHECKS}


@pytest.mark.parametrize(
    ("detail", "reason"),
    [
        ("JPEG: Premature end of JPEG file", CUT),
        ("PNG: the pixel data ends early: 3 of 5 bytes", CUT),
        ("JPEG: Corrupt JPEG data: bad Huffman code", UNUSABLE["corrupt-image"]),
    ],
)
def test_why_an_image_is_damaged(detail, reason):
    assert reason_of_damage(detail) == reason


@pytest.mark.parametrize(
    ("detail", "reason"),
    [
        ("the page '404 Not Found'", WEB_PAGE),
        ("looks like an HTML page", WEB_PAGE),
        ("a Git LFS pointer: the image is not here (git lfs pull)", POINTER),
        ("starts with zeros", UNUSABLE["not-an-image"]),
    ],
)
def test_what_a_file_is_instead(detail, reason):
    assert reason_of_content(detail) == reason


def test_images_have_other_words():
    assert reason_of("constant-record", images=True) == BLANK
    assert reason_of("constant-record", images=False) == UNUSUAL["constant-record"]
    assert decision_of("conflicting-label", images=True)[1] == "are in two classes"
    assert "labels" in decision_of("conflicting-label", images=False)[1]


def test_an_unknown_rule_is_called_by_its_title():
    assert clause_of("too-bright") == ('the dataset has "Too bright"', "")

"""What datascan says about the layouts that people have; ``scripts/bench layouts`` scans all."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.layouts import COLUMNS, PAGE, find_problems, scan

from tests.builders.layouts import LAYOUTS

PART = (
    *("StyleGAN2, several resolutions", ".aselmdb", "TAPE", "Caffe Datum, half of them pickles"),
    *("splits", "COCO", "Kaggle CSV, id and breed", "one image and many .npy files"),
    *("PCam", "Mobile ALOHA, padded JPEG", "RadioML 2018, one-hot labels", "robomimic, MimicGen"),
)


@pytest.mark.parametrize(
    "layout", [one for one in LAYOUTS if one.name in PART], ids=lambda x: x.name
)
def test_no_fault_passes_in_silence_and_no_healthy_sample_fails(layout):
    healthy, faulty = scan(layout, faulty=False), scan(layout, faulty=True)
    assert find_problems(layout, healthy, faulty) == []


def test_the_part_exists():
    assert {one.name for one in LAYOUTS} >= set(PART)


def test_the_page_has_a_row_for_every_layout():
    lines = Path(PAGE).read_text().splitlines()
    rows = [line.strip("|").split("|") for line in lines if line.startswith("| ")][2:]
    assert [row[1].strip() for row in rows] == [one.name for one in LAYOUTS]
    assert {len(row) for row in rows} == {len(COLUMNS)}

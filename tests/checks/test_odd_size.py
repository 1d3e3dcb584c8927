from __future__ import annotations

import numpy as np
import pytest

from datascan.checks.odd_size import OddSize
from datascan.checks.shape_mismatch import ShapeMismatch
from datascan.testing.blocks import block_of, finding, findings, images_of


def folder(*odd, ordinary=200):
    """Photographs of many sizes, followed by ``odd`` ones (width, height)."""
    random = np.random.default_rng(0)
    short = random.integers(300, 600, ordinary)
    long = (short * random.uniform(1, 1.6, ordinary)).astype(int)
    turned = random.random(ordinary) < 0.3
    sizes = [(h, w) if t else (w, h) for w, h, t in zip(long, short, turned, strict=True)]
    pictures = images_of(*((3, int(h), int(w)) for w, h in (*sizes, *odd)))
    return block_of(records=ordinary + len(odd), images=pictures)


def test_an_ordinary_folder_has_no_findings():
    assert findings(OddSize, folder()) == []
    assert findings(ShapeMismatch, folder()) == []


def test_tiny_images_stand_out():
    said = finding(OddSize, folder((1, 1), (1, 1), (1, 1)))
    assert said.severity == "warning"
    assert said.records == 3
    assert list(said.named) == [200, 201, 202]
    assert said.named[200].startswith("1x1 pixels; half of the images are between ")
    assert said.message.startswith("3 of 203 images are far from the usual size or aspect ratio (")


def test_a_usual_size_is_not_a_range():
    sizes = [(60, 40)] * 60 + [(61, 40)] + [(600, 400)]
    pictures = images_of(*((3, h, w) for w, h in sizes))
    said = finding(OddSize, block_of(records=62, images=pictures))
    assert said.named == {61: "600x400 pixels; most are 60x40"}


@pytest.mark.parametrize("odd", [(9000, 8000), (3000, 90), (60, 4000)])
def test_huge_wide_and_tall_images_stand_out(odd):
    assert list(finding(OddSize, folder(odd)).named) == [200]


@pytest.mark.parametrize("usual", [(1200, 900), (150, 120), (900, 400), (300, 800)])
def test_other_sizes_do_not(usual):
    assert findings(OddSize, folder(usual)) == []


def test_few_images_tell_nothing():
    assert findings(OddSize, folder((1, 1), ordinary=18)) == []
    assert len(findings(OddSize, folder((1, 1), ordinary=19))) == 1


def test_many_outliers_are_a_varied_dataset():
    assert findings(OddSize, folder(*[(4, 4)] * 30)) == []
    assert len(findings(OddSize, folder(*[(4, 4)] * 20))) == 1


def test_if_most_share_one_size_it_is_a_mismatch():
    pictures = images_of(*[(3, 32, 32)] * 198, (3, 1, 1), (3, 32, 40))
    block = block_of(records=200, images=pictures)
    assert findings(OddSize, block) == []
    assert finding(ShapeMismatch, block).named == {
        198: "size 1x1, most are 32x32",
        199: "size 40x32, most are 32x32",
    }


def test_arrays_are_not_images():
    assert (
        findings(OddSize, block_of(np.zeros((30, 3, 8, 8))), block_of(np.zeros((1, 3, 1, 1)))) == []
    )

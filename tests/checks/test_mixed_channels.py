"""Images whose colour mode differs from most."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from datascan.checks.mixed_channels import MixedChannels
from datascan.testing.blocks import block_of, finding, findings, images_of
from tests.builders.images import encode, pixels, write_tree
from tests.builders.sessions import findings_of


def images(*modes, size=4):
    column = images_of(*((3, size + i, size) for i in range(len(modes))))
    return replace(column, mode=np.array(modes))


def test_images_of_another_mode():
    first = block_of(records=3, images=images("RGB", "L", "RGB"))
    found = finding(MixedChannels, first, block_of(records=2, images=images("RGBA", "RGB")))
    assert found.severity == "warning"
    assert found.message == "2 of 5 images have a different colour mode from most (RGB)"
    assert found.named == {1: "mode L, most are RGB", 3: "mode RGBA, most are RGB"}


def test_one_image_of_another_mode():
    found = finding(MixedChannels, block_of(records=3, images=images("L", "L", "P")))
    assert found.message == "1 of 3 images has a different colour mode from most (L)"


def test_of_two_equally_frequent_modes_the_first_counts():
    found = finding(MixedChannels, block_of(records=4, images=images("L", "RGB", "RGB", "L")))
    assert found.named == dict.fromkeys((1, 2), "mode RGB, most are L")


def test_one_mode_in_many_sizes_is_healthy():
    blocks = [block_of(records=3, images=images("L", "L", "L", size=size)) for size in (4, 50)]
    assert findings(MixedChannels, *blocks) == []


def test_arrays_do_not_have_a_mode():
    arrays = block_of(np.zeros((5, 3, 4, 4)))
    assert findings(MixedChannels, arrays, block_of(records=1, images=images("RGB"))) == []


def test_files(tmp_path):
    files = {f"{i}.png": encode(pixels(i, mode="L" if i == 2 else "RGB"), "PNG") for i in range(4)}
    (found,) = findings_of(write_tree(tmp_path, files), "mixed-channels")
    assert [(e.index, e.key, e.detail) for e in found.examples] == [
        (2, "2.png", "mode L, most are RGB")
    ]

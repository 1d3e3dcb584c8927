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
    first = block_of(records=7, images=images("RGB", "L", *["RGB"] * 5))
    found = finding(MixedChannels, first, block_of(records=3, images=images("RGBA", "RGB", "RGB")))
    assert found.severity == "warning"
    assert found.message == "2 of 10 images have other colours than most, which are colour (RGB)"
    assert found.named == {
        1: "grey (L), most are colour (RGB)",
        7: "colour with transparency (RGBA), most are colour (RGB)",
    }


def test_one_image_of_another_mode():
    found = finding(MixedChannels, block_of(records=5, images=images("L", "L", "P", "L", "L")))
    assert found.message == "1 of 5 images has other colours than most, which are grey (L)"


def test_a_mixed_collection_is_one_line_without_images():
    modes = ["L"] * 13 + ["RGB"] * 12 + ["P"] + ["RGBA"]
    found = finding(MixedChannels, block_of(records=27, images=images(*modes)))
    assert (found.severity, found.named) == ("info", {})
    assert found.message == (
        "the images have 4 kinds of colours: 13 grey (L), 12 colour (RGB), 1 few colours (P), "
        "1 colour with transparency (RGBA)"
    )


def test_most_are_four_in_five():
    for others, severity in ((20, "warning"), (21, "info")):
        modes = ["RGB"] * (100 - others) + ["L"] * others
        found = finding(MixedChannels, block_of(records=100, images=images(*modes)))
        assert found.severity == severity


def test_one_mode_in_many_sizes_is_healthy():
    blocks = [block_of(records=3, images=images("L", "L", "L", size=size)) for size in (4, 50)]
    assert findings(MixedChannels, *blocks) == []


def test_arrays_do_not_have_a_mode():
    arrays = block_of(np.zeros((5, 3, 4, 4)))
    assert findings(MixedChannels, arrays, block_of(records=1, images=images("RGB"))) == []


def test_files(tmp_path):
    files = {f"{i}.png": encode(pixels(i, mode="L" if i == 2 else "RGB"), "PNG") for i in range(5)}
    (found,) = findings_of(write_tree(tmp_path, files), "mixed-channels")
    assert [(e.index, e.key, e.detail) for e in found.examples] == [
        (2, "2.png", "grey (L), most are colour (RGB)")
    ]

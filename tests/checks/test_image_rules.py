"""The rules about image files: what readers tell of, and colour modes that differ."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from datascan.checks.animated_image import AnimatedImage
from datascan.checks.corrupt_image import CorruptImage
from datascan.checks.exif_orientation import ExifOrientation
from datascan.checks.misnamed_image import MisnamedImage
from datascan.checks.missing_file import MissingFile
from datascan.checks.mixed_channels import MixedChannels
from datascan.checks.not_an_image import NotAnImage
from datascan.checks.oversized_image import OversizedImage
from datascan.checks.trailing_bytes import TrailingBytes
from datascan.records.block import Fault
from datascan.testing.blocks import block_of, finding, findings, images_of

FAULT_RULES = [
    (CorruptImage, "corrupt-image", "error", "cannot be decoded in full"),
    (NotAnImage, "not-an-image", "error", "are not images"),
    (MisnamedImage, "misnamed-image", "warning", "have another image type than their names"),
    (OversizedImage, "oversized-image", "error", "have too many pixels to be decoded"),
    (TrailingBytes, "trailing-bytes", "info", "have bytes after the end of their image"),
    (ExifOrientation, "exif-orientation", "info", "have a rotation tag"),
    (AnimatedImage, "animated-image", "warning", "have several frames"),
    (MissingFile, "missing-file", "error", "are missing or cannot be opened"),
]


@pytest.mark.parametrize(("check", "rule", "severity", "words"), FAULT_RULES)
def test_what_readers_tell_of(check, rule, severity, words):
    first = block_of(records=3, faults=[Fault(2, rule, "why"), Fault(0, "empty-record", "no")])
    said = finding(check, first, block_of(records=2, faults=[Fault(1, rule, "how")]))
    assert (check.rule, said.severity, said.records) == (rule, severity, 2)
    assert said.message == f"2 of 5 records {words}"
    assert said.named == {2: "why", 4: "how"}


@pytest.mark.parametrize(("check", "rule", "severity", "words"), FAULT_RULES)
def test_faults_of_other_rules_and_none(check, rule, severity, words):
    others = [Fault(0, other, "why") for _, other, _, _ in FAULT_RULES if other != rule]
    healthy = block_of(records=2, images=images("RGB", "RGB"))
    assert findings(check, block_of(records=1, faults=others), healthy) == []


def test_a_folder_that_cannot_be_read_is_told_without_a_record():
    faults = (Fault(None, "missing-file", "cannot read the folder b: Permission denied"),)
    said = finding(MissingFile, block_of(records=2), plan={"faults": faults})
    assert said.message == "cannot read the folder b: Permission denied"
    assert (said.records, said.named) == (0, {})


def images(*modes, size=4):
    pictures = images_of(*((3, size + i, size) for i in range(len(modes))))
    return replace(pictures, mode=np.array(modes))


def test_images_of_another_mode():
    first = block_of(records=3, images=images("RGB", "L", "RGB"))
    said = finding(MixedChannels, first, block_of(records=2, images=images("RGBA", "RGB")))
    assert said.severity == "warning"
    assert said.message == "2 of 5 images have a different colour mode from most (RGB)"
    assert said.named == {1: "mode L, most are RGB", 3: "mode RGBA, most are RGB"}


def test_one_image_of_another_mode():
    said = finding(MixedChannels, block_of(records=3, images=images("L", "L", "P")))
    assert said.message == "1 of 3 images has a different colour mode from most (L)"


def test_of_two_equally_frequent_modes_the_first_met_is_usual():
    said = finding(MixedChannels, block_of(records=4, images=images("L", "RGB", "RGB", "L")))
    assert said.named == dict.fromkeys((1, 2), "mode RGB, most are L")


def test_one_mode_in_many_sizes_is_healthy():
    blocks = [block_of(records=3, images=images("L", "L", "L", size=size)) for size in (4, 50)]
    assert findings(MixedChannels, *blocks) == []


def test_arrays_have_no_mode():
    arrays = block_of(np.zeros((5, 3, 4, 4)))
    assert findings(MixedChannels, arrays, block_of(records=1, images=images("RGB"))) == []

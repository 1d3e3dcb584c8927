"""Every kind of image that Pillow opens: healthy, cut short, and with changed bytes.

``scripts/bench images --bad-input`` does the same with 20 cuts and 20 changes of every kind.
"""

from __future__ import annotations

import pytest

from datascan.decoders.image.header import sniff_format
from datascan.decoders.image.inspection import inspect_image
from tests.builders.image_kinds import damaged, every_kind
from tests.damage.bad_images import WRITERS, scan_badly

HARMLESS = {"animated-image"}


@pytest.fixture(scope="module")
def kinds() -> dict[str, bytes]:
    return every_kind()


def test_whatever_pillow_writes_is_healthy(kinds):
    checked = set()
    for name, data in kinds.items():
        if sniff_format(data) is not None:
            faults = inspect_image(data, None, 1 << 28).faults
            assert [fault for fault in faults if fault[0] not in HARMLESS] == [], name
            checked.add(sniff_format(data))
    assert checked >= {"JPEG", "PNG", "GIF", "TIFF", "BMP", "WebP", "PNM", "ICO"}


def one_of_each(kinds: dict[str, bytes]) -> dict[str, bytes]:
    """One image of each format and number of words in its name."""
    return {(*name.split()[:1], len(name.split())): data for name, data in kinds.items()}


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("workers", [(), ("--workers", "0")])
def test_no_damage_ends_a_scan(tmp_path, kinds, write, workers):
    images = list(one_of_each(kinds).values())
    images += [bad for i, one in enumerate(images) for bad in damaged(one, 3, 3, i) if bad]
    path = write(tmp_path / "data", images)
    wrong, rules = scan_badly(path, len(images), *workers)
    assert wrong == []
    assert rules["corrupt-image"] > len(images) / 4

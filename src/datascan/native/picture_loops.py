"""Segments of JPEGs and figures of pixels in Python: the reference for ``pictures.c``."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

BARE_MARKERS = {0xFF: 1, 0x01: 2, **dict.fromkeys(range(0xD0, 0xD9), 2)}
"""Markers without a length, and the bytes to skip: fill bytes, TEM, restarts, start of image."""

NEXT_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""The marker that ends entropy-coded data: not a stuffing, restart or fill byte."""

END, SCAN, FILL = 0xD9, 0xDA, 0xFF
APP1, APP2 = 0xE1, 0xE2
JPEG_LS = 0xF7
FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {JPEG_LS}
"""The markers that start a frame (ITU-T T.81, table B.1; T.87, table C.1)."""

STOPS = FRAMES | {0, END, APP1, APP2}

MAX_CHANNELS = 4
CHUNK_VALUES = 1 << 18


def skip_segments(data: bytes | NDArray[np.uint8], offset: int) -> tuple[int, int, int]:
    """Skip segments of a JPEG from ``offset`` on, with the entropy-coded data of its scans.

    Stops before a frame, APP1 or APP2, the end of the image, a byte that starts no segment, or the
    last three bytes.

    Returns:
        the offset that was reached, which is beyond the end if the last segment is cut; the marker
        of the last segment that was skipped, 0 without one; and the number of scans.

    Raises:
        ValueError: if ``offset`` is negative.
    """
    if offset < 0:
        raise ValueError("a segment starts before the data")
    view = memoryview(data.data if isinstance(data, np.ndarray) else data)
    last = scans = 0
    while offset + 4 <= len(view):
        marker = view[offset + 1]
        if view[offset] != FILL or marker in STOPS:
            break
        if step := BARE_MARKERS.get(marker):
            offset += step
            continue
        last = marker
        offset += 2 + (view[offset + 2] << 8 | view[offset + 3])
        if marker == SCAN:
            scans += 1
            match = NEXT_MARKER.search(view, offset)
            offset = len(view) if match is None else match.start()
    return offset, last, scans


def measure_pixels(
    pixels: NDArray[Any], channels: int
) -> tuple[tuple[int, ...], tuple[int, ...], int, int]:
    """Figures of uint8 pixels of any shape, whose last axis is that of the ``channels``, 1 to 4.

    Returns:
        the minimum and the maximum of each channel; the sums of all values and of their squares.

    Raises:
        ValueError: if there is no pixel, or the values are not a whole number of pixels.
    """
    if not 1 <= channels <= MAX_CHANNELS or not pixels.size or pixels.size % channels:
        raise ValueError("not a whole number of pixels of 1 to 4 channels")
    total = squares = 0
    values = pixels.reshape(-1)
    for first in range(0, values.size, CHUNK_VALUES):
        wide = values[first : first + CHUNK_VALUES].astype(np.int64)
        total, squares = total + int(wide.sum()), squares + int(wide @ wide)
    rows = values.reshape(-1, channels)
    return (*rows.min(axis=0).tolist(),), (*rows.max(axis=0).tolist(),), total, squares

"""What a Datum must hold to be whole; asked of single messages and of templates alike."""

from __future__ import annotations

Shape = tuple[int, int, int]


def complaint(shape: Shape, data: int, floats: int, *, encoded: bool) -> str | None:
    """Why a Datum with so many bytes of ``data`` and values of ``float_data`` is malformed."""
    if data and floats:
        return f"both data ({data:,} bytes) and float_data ({floats:,} values)"
    if not data and not floats:
        return "neither data nor float_data"
    if encoded:
        return None if data else "marked as encoded, but without data"
    channels, height, width = shape
    wanted = channels * height * width
    if min(shape) < 0 or wanted != data + floats:
        kind = f"{data:,} bytes of data" if data else f"{floats:,} values of float_data"
        return f"{kind} for a shape of {channels}x{height}x{width} = {wanted:,}"
    return None

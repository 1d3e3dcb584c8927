"""A picture on a terminal: as an image if the terminal says that it shows images, else as blocks.

Nothing is asked of the terminal, whose answer would arrive as if it were typed.
"""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Iterator, Mapping
from typing import TextIO

from datascan.outputs.terminal.paper import supports_unicode

HALF_BLOCK = "\u2580"
MAX_COLUMNS, MAX_ROWS = 64, 24
"""The largest picture, in characters; a character shows two pixels, one above the other."""

CHUNK = 4096
"""The most characters of base64 in one command of kitty's graphics protocol."""


def find_method(stream: TextIO, environment: Mapping[str, str] = os.environ) -> str:
    """How a picture is shown: "kitty", "iterm", "blocks", or "" for not at all.

    Only on a terminal, with colours. Within tmux and screen, which do not pass images on, and on
    terminals that only say that they have 24-bit colours (COLORTERM), it is blocks.
    """
    term = environment.get("TERM", "")
    if not stream.isatty() or environment.get("NO_COLOR") or term == "dumb":
        return ""
    inside = environment.get("TMUX") or environment.get("STY") or term.startswith("screen")
    program = environment.get("TERM_PROGRAM", "")
    if not inside and (term in {"xterm-kitty", "xterm-ghostty"} or program == "ghostty"):
        return "kitty"
    if not inside and program in {"iTerm.app", "WezTerm"}:
        return "iterm"
    has_colours = environment.get("COLORTERM", "").lower() in {"truecolor", "24bit"}
    return "blocks" if has_colours and supports_unicode(stream) else ""


def render(png: bytes, method: str, width: int) -> str:
    """A PNG as text that shows it on the terminal, ending with a line break."""
    columns = max(2, min(MAX_COLUMNS, width))
    if method == "kitty":
        return "".join(kitty(png, fit_columns(png, columns))) + "\n"
    if method == "iterm":
        return iterm(png, fit_columns(png, columns)) + "\n"
    return "".join(f"{line}\n" for line in blocks(png, columns))


def fit_columns(png: bytes, columns: int) -> int:
    """How many columns wide a picture is, so that it is not too high."""
    from PIL import Image  # noqa: PLC0415  (imports Pillow)

    with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
        return max(1, min(columns, 2 * MAX_ROWS * image.width // max(1, image.height)))


def kitty(png: bytes, columns: int) -> Iterator[str]:
    """Commands of kitty's graphics protocol, which has no answer (``q=2``)."""
    data = base64.b64encode(png).decode()
    parts = [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)]
    for number, part in enumerate(parts):
        more = int(number + 1 < len(parts))
        control = f"a=T,f=100,q=2,c={columns},m={more}" if number == 0 else f"m={more}"
        yield f"\x1b_G{control};{part}\x1b\\"


def iterm(png: bytes, columns: int) -> str:
    """iTerm2's command for a file that is shown in the text."""
    data = base64.b64encode(png).decode()
    return f"\x1b]1337;File=inline=1;size={len(png)};width={columns}:{data}\x07"


def blocks(png: bytes, columns: int) -> Iterator[str]:
    """Lines of half blocks in 24-bit colours; small pictures are enlarged without smoothing."""
    from PIL import Image  # noqa: PLC0415  (imports Pillow)

    with Image.open(io.BytesIO(png), formats=["PNG"]) as opened:
        image = opened.convert("RGB")
    scale = min(columns / image.width, 2 * MAX_ROWS / image.height)
    if scale > 1:
        scale = float(int(scale))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    kind = Image.Resampling.NEAREST if scale >= 1 else Image.Resampling.BOX
    image = image.resize(size, kind)
    octets = image.tobytes()
    pixels = [tuple(octets[at : at + 3]) for at in range(0, len(octets), 3)]
    wide, high = size
    for y in range(0, high, 2):
        yield "".join(line_of(pixels, wide, y, last=y + 1 == high)) + "\x1b[0m"


def line_of(pixels: list[tuple[int, ...]], wide: int, y: int, *, last: bool) -> Iterator[str]:
    """Two rows of pixels as one line; of the last row alone, the lower half stays empty."""
    for x in range(wide):
        red, green, blue = pixels[y * wide + x]
        below = "\x1b[49m"
        if not last:
            below = "\x1b[48;2;{};{};{}m".format(*pixels[(y + 1) * wide + x])
        yield f"\x1b[38;2;{red};{green};{blue}m{below}{HALF_BLOCK}"

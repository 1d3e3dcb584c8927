"""Pictures of the HTML page for the documentation: ``scripts/screenshots``."""

from __future__ import annotations

import io
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "docs" / "pictures"
REPORT = "train_images.html"
SIZES = {"page-1280.png": (1280, 1150), "page-390.png": (390, 1500)}
"""Width and height of each picture, in pixels."""

MAX_BYTES = 200_000
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def main() -> int:
    """Take all pictures; 1 without Chromium or Playwright."""
    program = shutil.which("chromium")
    if program is None:
        sys.stdout.write(
            "no chromium, so there are no new pictures: scripts/outside installs it, as root\n"
        )
        return 1
    try:
        from playwright.sync_api import sync_playwright  # noqa: PLC0415  (may be missing)
    except ImportError:
        sys.stdout.write("no playwright, so there are no new pictures: pip install datascan[dev]\n")
        return 1
    with tempfile.TemporaryDirectory() as home:
        datascan = Path(sys.executable).with_name("datascan")
        command = [datascan, "demo"]
        subprocess.run(command, cwd=home, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  (our own command)
        (report,) = Path(home).rglob(REPORT)
        with sync_playwright() as playwright:
            chromium = playwright.chromium.launch(executable_path=program, args=list(FLAGS))
            for name, size in SIZES.items():
                write(FOLDER / name, picture(chromium, report, *size))
            chromium.close()
    return 0


def picture(chromium: Any, page: Path, width: int, height: int) -> bytes:
    """The top of a page in a window of this size, as a PNG of at most 256 colours.

    Raises:
        ValueError: if the page is wider than the window.
    """
    context = chromium.new_context(viewport={"width": width, "height": height})
    opened = context.new_page()
    opened.goto(page.as_uri())
    wide = opened.evaluate("document.documentElement.scrollWidth")
    if wide > width:
        raise ValueError(f"the page is {wide} pixels wide in a window of {width}")
    taken = Image.open(io.BytesIO(opened.screenshot())).convert("RGB")
    context.close()
    stream = io.BytesIO()
    taken.quantize(256, dither=Image.Dither.NONE).save(stream, "PNG", optimize=True)
    return stream.getvalue()


def write(path: Path, content: bytes) -> None:
    """Write a picture.

    Raises:
        ValueError: if it is too large for the repository.
    """
    if len(content) > MAX_BYTES:
        raise ValueError(f"{path.name} has {len(content):,} bytes, more than {MAX_BYTES:,}")
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    sys.stdout.write(f"wrote {path.relative_to(ROOT)} ({len(content):,} bytes)\n")


if __name__ == "__main__":
    sys.exit(main())

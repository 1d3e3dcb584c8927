"""Times a scan of 60,000 images with a cache: the first one, the same again, and one file more.

Figures are whole processes, including start-up, with the files in the page cache. The images are
100 pictures of 64x64 pixels, made different by a comment.
"""

from __future__ import annotations

import argparse
import io
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

PICTURES, CLASSES = 100, 10


def make_pictures() -> list[bytes]:
    """Small smooth JPEGs."""
    random = np.random.default_rng(0)
    found = []
    for _ in range(PICTURES):
        coarse = Image.fromarray(random.integers(0, 255, (8, 8, 3), dtype=np.uint8))
        file = io.BytesIO()
        coarse.resize((64, 64), Image.Resampling.BICUBIC).save(file, "JPEG", quality=85)
        found.append(file.getvalue())
    return found


def with_comment(picture: bytes, text: bytes) -> bytes:
    """A JPEG with a comment after its first marker (ITU T.81, B.2.4.5)."""
    length = (len(text) + 2).to_bytes(2, "big")
    return picture[:2] + b"\xff\xfe" + length + text + picture[2:]


def write_images(folder: Path, count: int) -> None:
    """``count`` images in class folders."""
    pictures = make_pictures()
    for number in range(CLASSES):
        (folder / f"{number}").mkdir(parents=True)
    for i in range(count):
        image = with_comment(pictures[i % PICTURES], b"%08d" % i)
        (folder / f"{i % CLASSES}" / f"{i:06d}.jpg").write_bytes(image)


def seconds(folder: Path, *more: str) -> float:
    """The time that a scan takes."""
    command = [sys.executable, "-m", "datascan", "images", str(folder), "--fail-on", "never"]
    began = time.perf_counter()
    subprocess.run([*command, "--quiet", *more], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=60_000)
    parser.add_argument("--runs", type=int, default=3)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        data, cache = Path(home, "data"), f"--cache={home}/cache"
        write_images(data, args.images)
        time.sleep(0.2)  # files that were changed just now are not kept
        plain = [seconds(data) for _ in range(args.runs)]
        first = seconds(data, cache)
        same = [seconds(data, cache) for _ in range(args.runs)]
        more = []
        for number in range(args.runs):
            new = with_comment(make_pictures()[number], b"new")
            (data / "3" / f"new{number}.jpg").write_bytes(new)
            more.append(seconds(data, cache))
        size = sum(file.stat().st_size for file in Path(home, "cache").iterdir())
    print("| images | no cache | first | nothing changed | one file more (aim: 2 s) | cache |")
    print("| --- | --- | --- | --- | --- | --- |")
    times = (statistics.median(plain), first, statistics.median(same), statistics.median(more))
    shown = " | ".join(f"{time:.2f}s" for time in times)
    print(f"| {args.images:,} | {shown} | {size / 1e6:.1f} MB |")


if __name__ == "__main__":
    main()

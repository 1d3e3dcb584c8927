"""Compares datascan with other tools on healthy and damaged images, for docs/images.md.

Healthy images are those that Pillow writes, and files in folders given as arguments. Damaged ones
are copies of the smaller of them, cut short or overwritten.
"""

from __future__ import annotations

import argparse
import io
import random
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from datascan.decoders.image.header import EXTENSIONS, sniff_format
from datascan.decoders.image.inspection import inspect_image
from tests.builders.image_kinds import damaged, every_kind
from tests.damage.bad_images import WRITERS, scan_badly

PAGE = Path(__file__).parents[1] / "docs" / "images.md"
HEAD = """# Healthy and damaged images

How many healthy images are called damaged, and how many damaged ones are found, by datascan and by
other tools. `scripts/bench images FOLDER...` makes the images, asks all tools, and writes this
page.

- **healthy**: all that Pillow writes in all modes and with many options, and {sources}.
  Files whose path says that they are broken ({words}) are left out.
- **false alarms**: healthy images that the tool calls damaged; of datascan, `corrupt-image`,
  `not-an-image` and `reader-crash`. **unsupported** and **metadata** count `unsupported-image` and
  `damaged-metadata`, which are warnings.
  The lines below the table name the false alarms of datascan.
- **damaged**: copies of up to {sample} healthy images of each format of at most {kilobytes} KB: cut
  to 25, 50, 75 and 95 %, and with 16 bytes overwritten at {places} random places each. Where a
  format has no checksums, many overwrites only change colours; no tool finds those.
- **error**, **any rule**: datascan reports an error, or also one of the two warnings.
- Pillow: `load()` of all pixels raises an exception. ImageMagick: `convert FILE null:` fails.
  pngcheck: `pngcheck -q`; jpeginfo: `jpeginfo -c`, which calls all CMYK images damaged.
  A dash: the tool does not read the format{lacking}.

"""
BROKEN_WORDS = (
    *("broken", "corrupt", "crash", "timeout", "oom-", "fuzz", "truncated", "invalid", "bad"),
    *("illegal", "segfault", "overflow", "_dos", "lenient", "regression", "bomb", "not_enough"),
    *("expected_to_read", "unbound", "zero_", "negative", "seek_too_large", "chunk_no_"),
    *("chunk_multi", "chunk_repeat", "sequence_", "syntax_", "beyond-eof", "noeof", "ifd-end"),
    *("unusual", "todo", "malformed", "bugfixes/x_", "pngsuite/x", "combined_larger"),
    *("bmpsuite/b/", "bmp/b/", "-iff/", "ultrahdr", "balloon_eci", "l2rgb_read", "unknown_mode"),
)
SAMPLE, MAX_BYTES, PLACES = 40, 60_000, 4
SHARES = (0.25, 0.5, 0.75, 0.95)
SECONDS = 60
FORMATS = ("JPEG", "PNG", "TIFF", "BMP", "GIF", "WebP", "JPEG 2000", "PSD", "ICO", "PNM", "AVIF")
SUFFIXES = {kind: suffix for suffix, kind in reversed(EXTENSIONS.items())}
DAMAGE = {"corrupt-image", "not-an-image", "reader-crash"}
ERRORS = DAMAGE | {"oversized-image"}
SEEN = ERRORS | {"unsupported-image", "damaged-metadata"}

Judge = Callable[[Path], bool]


def refused_by_pillow(path: Path) -> bool:
    """Whether Pillow cannot load the first frame."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(path.read_bytes())) as image:
                image.load()
    except Exception:  # noqa: BLE001  (Pillow raises all kinds of errors)
        return True
    return False


def refused_by(*command: str) -> Judge:
    """Whether a command fails for a file; its arguments have {} in the place of the file."""

    def judge(path: Path) -> bool:
        words = [word.replace("{}", str(path)) for word in command]
        try:
            run = subprocess.run(
                words, capture_output=True, check=False, timeout=SECONDS, stdin=subprocess.DEVNULL
            )
        except subprocess.TimeoutExpired:
            return True
        return run.returncode != 0

    return judge


@dataclass(frozen=True)
class Tool:
    """A tool that datascan is compared with. ``formats``: those that it reads; None for all."""

    name: str
    program: str
    formats: tuple[str, ...] | None
    judge: Judge

    @property
    def is_installed(self) -> bool:
        """Whether it can be asked."""
        return not self.program or shutil.which(self.program) is not None


TOOLS = (
    Tool("Pillow", "", None, refused_by_pillow),
    Tool("pngcheck", "pngcheck", ("PNG",), refused_by("pngcheck", "-q", "{}")),
    Tool("jpeginfo", "jpeginfo", ("JPEG",), refused_by("jpeginfo", "-c", "{}")),
    Tool("ImageMagick", "convert", FORMATS, refused_by("convert", "{}", "null:")),
)


@dataclass
class Count:
    """Images of one format: how many, and how many each tool refuses."""

    images: int = 0
    refused: Counter[str] = field(default_factory=Counter)


def judge_image(path: Path) -> tuple[str, Counter[str], list[str]]:
    """The format of an image, who refuses it, and what datascan says."""
    data = path.read_bytes()
    kind = EXTENSIONS.get(path.suffix.lower()) or sniff_format(data) or "other"
    faults = (
        inspect_image(data, path.name, 178_956_970).faults if data else (("corrupt-image", ""),)
    )
    rules = {rule for rule, _ in faults}
    refused = Counter[str]()
    refused["datascan"] = bool(rules & DAMAGE)
    refused["unsupported"] = "unsupported-image" in rules
    refused["metadata"] = "damaged-metadata" in rules
    refused["error"] = bool(rules & ERRORS)
    refused["any rule"] = bool(rules & SEEN)
    for tool in TOOLS:
        if tool.is_installed and (tool.formats is None or kind in tool.formats):
            refused[tool.name] = tool.judge(path)
    return kind, refused, [f"{rule}: {detail}" for rule, detail in faults if rule in DAMAGE]


def judge_all(paths: Sequence[Path], jobs: int) -> tuple[dict[str, Count], list[str]]:
    """Counts by format, and a line for each image that datascan calls damaged."""
    counts = {kind: Count() for kind in FORMATS}
    lines = []
    with ProcessPoolExecutor(jobs) as pool:
        for path, (kind, refused, why) in zip(
            paths, pool.map(judge_image, paths, chunksize=8), strict=True
        ):
            count = counts.setdefault(kind, Count())
            count.images += 1
            count.refused += refused
            lines += [f"`{path.name}`: {line}" for line in why]
    return counts, lines


def find_healthy(home: Path, folders: Sequence[Path]) -> list[Path]:
    """The images that Pillow writes, in ``home``, and those in folders."""
    found = []
    for i, (name, data) in enumerate(every_kind().items()):
        kind = sniff_format(data)
        if kind is not None:
            path = home / f"{i}-{name.split()[0].lower()}{SUFFIXES[kind]}"
            path.write_bytes(data)
            found.append(path)
    for folder in folders:
        files = (path for path in sorted(folder.rglob("*")) if path.suffix.lower() in EXTENSIONS)
        found += [path for path in files if path.is_file() and not says_broken(path, folder)]
    return found


def says_broken(path: Path, folder: Path) -> bool:
    """Whether a part of the path below ``folder`` says that the image is not healthy."""
    name = path.relative_to(folder).as_posix().lower()
    return any(word in name for word in BROKEN_WORDS)


def damage(home: Path, healthy: Sequence[Path]) -> Iterator[Path]:
    """Damaged copies of some of the images, in ``home``."""
    taken: Counter[str | None] = Counter()
    chance = random.Random(0)  # noqa: S311  (the same images each time)
    for path in chance.sample(list(healthy), len(healthy)):
        if path.stat().st_size > MAX_BYTES:
            continue
        data = path.read_bytes()
        kind = sniff_format(data)
        if kind not in FORMATS or taken[kind] == SAMPLE:
            continue
        # Only what is called healthy can be seen to be damaged.
        if any(rule in SEEN for rule, _ in judge_faults(data)):
            continue
        taken[kind] += 1
        copies = [data[: int(len(data) * share)] for share in SHARES]
        for _ in range(PLACES):
            at = chance.randrange(max(1, len(data) - 16))
            copies.append(data[:at] + chance.randbytes(16) + data[at + 16 :])
        for copy in copies:
            target = home / f"{chance.getrandbits(64):016x}{path.suffix}"
            target.write_bytes(copy)
            yield target


def judge_faults(data: bytes) -> tuple[tuple[str, str], ...]:
    """What datascan says about an image."""
    return inspect_image(data, None, 178_956_970).faults


def make_table(counts: dict[str, Count], columns: Sequence[str], first: str) -> str:
    """A table with a row for each format, and one for all."""
    installed = {tool.name: tool for tool in TOOLS if tool.is_installed}
    names = [name for name in columns if name in installed or not is_tool(name)]
    rows = [["format", first, *names], ["---"] * (len(names) + 2)]
    total = Count()
    for kind in [kind for kind in (*FORMATS, "HEIC", "JPEG XL") if kind in counts]:
        count = counts[kind]
        if not count.images:
            continue
        total.images += count.images
        total.refused += count.refused
        cells = [
            f"{count.refused[name]:,}" if reads(installed.get(name), kind) else "-"
            for name in names
        ]
        rows.append([kind, f"{count.images:,}", *cells])
    rows.append(["all", f"{total.images:,}", *(f"{total.refused[name]:,}" for name in names)])
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def is_tool(name: str) -> bool:
    """Whether a column is that of another tool."""
    return any(tool.name == name for tool in TOOLS)


def reads(tool: Tool | None, kind: str) -> bool:
    """Whether a column has numbers for a format."""
    return tool is None or tool.formats is None or kind in tool.formats


def bad_input(cuts: int, changes: int) -> int:
    """Scan all kinds of images with 20 cuts and 20 changes each; 1 if a scan misbehaves."""
    images = list(every_kind().values())
    images += [bad for i, one in enumerate(images) for bad in damaged(one, cuts, changes, i) if bad]
    status = 0
    for write in WRITERS:
        with tempfile.TemporaryDirectory() as home:
            path = write(Path(home) / "data", images)
            for workers in ((), ("--workers", "0")):
                wrong, rules = scan_badly(path, len(images), *workers)
                print(
                    write.__name__, *workers, f"{len(images):,} images", rules, *wrong, flush=True
                )
                status |= bool(wrong)
    return status


def main() -> int:
    """Write the page; 1 if datascan raises a false alarm."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="*", type=Path, help="folders of healthy images")
    parser.add_argument("--sources", default="no others", help="what the folders are, in words")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument(
        "--bad-input", action="store_true", help="only scan all kinds of bad images"
    )
    arguments = parser.parse_args()
    if arguments.bad_input:
        return bad_input(20, 20)
    with tempfile.TemporaryDirectory() as first, tempfile.TemporaryDirectory() as second:
        healthy = find_healthy(Path(first), arguments.folders)
        counts, lines = judge_all(healthy, arguments.jobs)
        print(*lines, sep="\n")
        found, _ = judge_all(list(damage(Path(second), healthy)), arguments.jobs)
    tools = [tool.name for tool in TOOLS]
    missing = [tool.name for tool in TOOLS if not tool.is_installed]
    head = HEAD.format(
        sources=arguments.sources,
        words="broken, corrupt, crash, fuzz, invalid and the like",
        sample=SAMPLE,
        kilobytes=MAX_BYTES // 1000,
        places=PLACES,
        lacking=f". Not installed: {', '.join(missing)}" if missing else "",
    )
    columns = ["datascan", *tools]
    PAGE.write_text(
        head
        + "## False alarms on healthy images\n\n"
        + make_table(counts, [*columns, "unsupported", "metadata"], "healthy")
        + "".join(f"\n- {line}\n" if not i else f"- {line}\n" for i, line in enumerate(lines))
        + "\n## Damaged images found\n\n"
        + make_table(found, ["error", "any rule", *tools], "damaged")
    )
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())

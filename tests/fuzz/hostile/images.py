"""Images that decompress to much more than they are, take long, or are not images at all."""

from __future__ import annotations

import random
import struct
import zlib
from functools import cache

from tests.builders.images import chunk, encode, photo, pixels
from tests.builders.odd_images import gif_of_frames, layered_psd, png_file, tiff_of, webp_canvas
from tests.fuzz.case import Place
from tests.fuzz.hostile.common import number, scan_words
from tests.fuzz.hostile.records import all_bombs, record


@cache
def slow_image() -> bytes:
    """A PNG of 12 million pixels in a few kilobytes."""
    return png_file(4000, 3000, bytes(4000 * 3 * 3000 + 3000))


def numbered_png(chance: random.Random) -> bytes:
    """A PNG whose chunks say anything."""
    edges = (chance.choice([1, 300, 100_000]), chance.choice([1, 300, number(chance, 31)]))
    depth, colour = chance.choice([1, 8, 16]), chance.choice([0, 2, 3, 6])
    header = struct.pack(">IIBBBBB", *edges, depth, colour, 0, 0, chance.randrange(2))
    parts = [chunk(b"IHDR", header)]
    zeros = zlib.compress(bytes(chance.choice([10, 10_000_000])))
    names = (b"iCCP", b"zTXt", b"iTXt", b"eXIf", b"acTL", b"fcTL", b"PLTE", b"tRNS")
    parts += [chunk(name, b"a\0\0" + zeros) for name in names if chance.randrange(3) == 0]
    parts += [chunk(b"IDAT", zeros)] * chance.choice([0, 1, 50]) + [chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def numbered_tiff(chance: random.Random) -> bytes:
    """A TIFF whose tags say anything."""
    tags = {256: 9, 257: 9, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: 9, 279: 81}
    for tag in chance.choices([*tags, 317, 322, 323, 324, 330, 34665, 700, 320], k=3):
        tags[tag] = number(chance, 32)
    data = bytearray(tiff_of(tags))
    data[8 + 2 + 12 * len(tags) :][:4] = struct.pack(
        "<I", chance.choice([0, 8, number(chance, 32)])
    )
    for i in range(len(tags)):
        if chance.randrange(5) == 0:
            struct.pack_into("<HI", data, 12 + 12 * i, chance.randrange(20), number(chance, 32))
    return bytes(data)


def many_pages(chance: random.Random) -> bytes:
    """A TIFF whose pages are all stored as the same strip, or form a circle."""
    tags = {256: 3000, 257: 3000, 258: 8, 259: 8, 262: 1, 273: 8, 277: 1, 278: 3000, 279: 0}
    packed = zlib.compress(bytes(9_000_000), 9)
    tags[279] = len(packed)
    count, size = chance.choice([50, 3000]), 2 + 12 * len(tags) + 4
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags.items())
    out, at = b"II*\0" + struct.pack("<I", 8 + len(packed)) + packed, 8 + len(packed)
    for i in range(count):
        following = at + size if i + 1 < count else chance.choice([0, 8 + len(packed)])
        out, at = (
            out + struct.pack("<H", len(tags)) + entries + struct.pack("<I", following),
            at + size,
        )
    return out


def many_frames(chance: random.Random) -> bytes:
    """A GIF of many frames, small or as large as allowed."""
    one, two = gif_of_frames((1, 1)), gif_of_frames((1, 1), (1, 1))
    edge = chance.choice([1, 1, 3000, 13_000])
    frame = bytearray(two[len(one) - 1 : -1])
    frame[13:17] = struct.pack("<HH", edge, edge)
    return one[:-1] + bytes(frame) * chance.choice([2, 1000, 500_000]) + b";"


def many_scans(chance: random.Random) -> bytes:
    """A progressive JPEG of 16 million pixels with many empty scans."""
    data = photo(1)
    at = data.index(b"\xff\xda")
    length = int.from_bytes(data[at + 2 : at + 4], "big")
    return data[:at] + data[at : at + 2 + length] * chance.choice([90, 3000]) + data[at:]


def other_format(chance: random.Random) -> bytes:
    """What other plugins of Pillow would accept."""
    return chance.choice(
        [
            b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n(touch x) (w) file\n",
            b"%PDF-1.4\n",
            b"\xd7\xcd\xc6\x9a" + bytes(60),
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600),
            b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>",
            b"P5 " + b"1" * 100_000 + b" 1 255\n",
            b"P7\nWIDTH 9999999999\n",
            b"BM"
            + struct.pack("<IIIIiiHHI", 60, 0, 54, 40, -(2**31), 2**31 - 1, 1, 32, 3)
            + bytes(20),
            b"\x00\x00\x00\x0cjP  \r\n\x87\n" + bytes(60),
            b"\0\0\0\x18ftypavif" + bytes(200),
            layered_psd(chance.choice([2, 3000])),
            webp_canvas(chance.choice([1, 16_384]), 16_384),
        ]
    )


def flipped(chance: random.Random) -> bytes:
    """A healthy image with other numbers in its first bytes."""
    kind = chance.choice(["JPEG", "PNG", "GIF", "TIFF", "WEBP", "BMP", "ICO", "PPM", "JPEG2000"])
    data = bytearray(encode(pixels(1), kind))
    for _ in range(chance.choice([1, 3])):
        at = chance.randrange(min(len(data) - 8, 200))
        data[at : at + 4] = number(chance, 32).to_bytes(4, chance.choice(["little", "big"]))
    return bytes(data)


KINDS = (numbered_png, numbered_tiff, many_pages, many_frames, many_scans, other_format, flipped)


def mixed(place: Place) -> list[str]:
    """A folder of some of everything."""
    chance = place.chance
    contents = [chance.choice(KINDS)(chance) for _ in range(chance.choice([1, 4]))]
    contents += chance.choices(
        [*all_bombs(), record(chance), slow_image()], k=chance.choice([0, 2])
    )
    for i, content in enumerate(contents):
        path = place.work / "d" / "ab"[i % 2] / f"{i}.{chance.choice(['jpg', 'png', 'tif', 'gif'])}"
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(content)
    return scan_words(place, chance.choice(["images", "scan"]), "d")


TRICKS = (mixed,)

"""LMDB files whose pages refer to one another at random."""

from __future__ import annotations

import random
import struct

import numpy as np

from tests.builders.lmdb import datum
from tests.builders.lmdb_pages import (
    BIG_DATA,
    DUP_DATA,
    NO_PAGE,
    PAGE,
    SUB_DATA,
    Entry,
    branch_page,
    leaf_page,
    lmdb_file,
    on_overflow,
    overflow_pages,
    tree_record,
)
from tests.fuzz.case import Place
from tests.fuzz.hostile.common import number, put_special, scan_words
from tests.fuzz.hostile.records import record


def random_pages(place: Place) -> list[str]:
    """Pages of every type with references of every kind."""
    chance = place.chance
    count = chance.choice([3, 20, 120, 240])
    pages: list[bytes] = []
    next_page = 2
    kinds = chance.choices(
        ["leaf", "branch", "overflow"], weights=chance.choices([1, 3, 9], k=3), k=count
    )
    for kind in kinds:
        if kind == "overflow":
            page = overflow_pages(next_page, record(chance) * chance.choice([1, 1, 40]))
        else:
            page = try_page(kind, next_page, count, chance)
        pages.append(damage(page, chance))
        next_page += len(page) // PAGE
    return write(place, pages, next_page)


def try_page(kind: str, own: int, count: int, chance: random.Random) -> bytes:
    """A page with as many random nodes as fit."""
    wanted = chance.choice([1, 5, 40, 150, 250])
    ordered = chance.random() < 0.7
    keys = [key(chance, i if ordered else None) for i in range(wanted)]
    while True:
        try:
            if kind == "branch":
                return branch_page(own, [(k, reference(count, chance)) for k in keys[:wanted]])
            repeat = chance.choice([1, 1, 1, 1, 300 // wanted + 1])
            return leaf_page(own, [entry(k, count, chance) for k in keys[:wanted]], repeat)
        except (AssertionError, struct.error):
            wanted //= 2


def key(chance: random.Random, i: int | None) -> bytes:
    if i is None:
        return chance.choice([b"", b"%08d" % chance.randrange(1000), chance.randbytes(8)])
    return b"%08d" % (i * chance.choice([1, 1, 1, 1000]))


def reference(count: int, chance: random.Random) -> int:
    """The number of a page, mostly of one that exists."""
    few = chance.choice([3, count + 2])
    return chance.choice([chance.randrange(few)] * 30 + [number(chance, 48)])


def entry(key: bytes, count: int, chance: random.Random) -> Entry:
    kind = chance.randrange(8)
    if kind < 2:
        return Entry(key, record(chance)[:200])
    if kind < 5:
        length = chance.choice([100, 5000, 200_000, number(chance, 32)])
        return on_overflow(key, reference(count, chance), length)
    if kind < 7:
        flags = chance.choice([SUB_DATA, SUB_DATA | DUP_DATA, DUP_DATA])
        return Entry(key, tree(count, chance), flags)
    head = struct.pack(
        "<QHHHH", 0, number(chance, 16), 0x42 | chance.choice([0, 0x20]), 16 + 2 * 9, 90
    )
    return Entry(key, head + chance.randbytes(74), chance.choice([DUP_DATA, BIG_DATA | DUP_DATA]))


def tree(count: int, chance: random.Random) -> bytes:
    """The record of a tree with a random root and any counts."""
    counts = {
        name: chance.choice([1, count, number(chance)])
        for name in ("branch_pages", "leaf_pages", "overflow_pages", "entries")
    }
    root = chance.choice([reference(count, chance)] * 9 + [NO_PAGE])
    depth = chance.choice([1, 2, 2, 3, 3, 4, 5, 20, 64, 65, 65535])
    return tree_record(
        root, depth, flags=chance.choice([0, 0, 4, 8, 2, 0x14, 0x34, 0xFFFF]), **counts
    )


def damage(page: bytes, chance: random.Random) -> bytes:
    """Now and then a page with another header."""
    if chance.randrange(12):
        return page
    head = struct.pack("<QHHHH", chance.randrange(20), *(number(chance, 16) for _ in range(4)))
    return head + page[16:]


def write(place: Place, pages: list[bytes], count: int) -> list[str]:
    chance = place.chance
    free = tree(count, chance) if chance.randrange(3) == 0 else None
    content = lmdb_file(pages, tree(count, chance), free)
    if chance.randrange(10) == 0:
        content = content[: chance.randrange(len(content))]
    (place.work / "data.mdb").write_bytes(content)
    words = scan_words(place, chance.choice(["scan", "lmdb"]), ".")
    if words[0] == "lmdb" and chance.randrange(4) == 0:
        words += ["--db", "00000001"]
    return words


def shared_value(place: Place) -> list[str]:
    """Thousands of entries that lead to one large value."""
    chance = place.chance
    count, each = 100, 90
    shape = chance.choice([(3, 200, 200), (3, 500, 500)])
    value = chance.choice([record(chance), datum(np.zeros(shape, np.uint8), 1)])
    leaves = [
        leaf_page(
            3 + i,
            [on_overflow(b"%08d" % (i * each + j), 3 + count, len(value)) for j in range(each)],
        )
        for i in range(count)
    ]
    root = branch_page(2, [(b"%08d" % (i * each), 3 + i) for i in range(count)])
    content = lmdb_file([root, *leaves, overflow_pages(3 + count, value)], tree_record(2, 2))
    (place.work / "data.mdb").write_bytes(content)
    return scan_words(place, "lmdb", ".")


def many_lines(place: Place) -> list[str]:
    """Keys of text recognition with numbers of all sizes."""
    chance = place.chance
    names = {b"num-samples"}
    for _ in range(60):
        digits = chance.choice([1, 5, 9, 10, 18, 19, 60])
        names.add(chance.choice([b"image-%0*d", b"label-%0*d"]) % (digits, number(chance)))
    entries = [Entry(name, b"12" if chance.randrange(4) else b"9" * 40) for name in sorted(names)]
    (place.work / "data.mdb").write_bytes(lmdb_file([leaf_page(2, entries)], tree_record(2)))
    return scan_words(place, "lmdb", ".")


def special_file(place: Place) -> list[str]:
    """Something else in place of the data or the lock."""
    (place.work / "d").mkdir()
    put_special(place.work / "d" / "data.mdb", place)
    put_special(place.work / "d" / "lock.mdb", place)
    return scan_words(place, place.chance.choice(["scan", "lmdb"]), "d")


TRICKS = (random_pages, shared_value, many_lines, special_file)

"""LevelDB folders with manifests, tables and logs that no library writes."""

from __future__ import annotations

import random
import struct

from datascan.readers.leveldb.log import masked_crc
from tests.builders.leveldb import numbered, write_leveldb
from tests.builders.leveldb_coding import frame_records, string, varint
from tests.fuzz.case import Place
from tests.fuzz.hostile.common import number, put_special, scan_words
from tests.fuzz.hostile.records import record

MAGIC = 0xDB4775248B80FB57
FILE_NUMBERS = [
    "18446744073709551614",
    "18446744073709551615",
    "18446744073709551616",
    "9223372036854775808",
    "000000",
    "000001",
    "000007",
    "7",
    "0x7",
    "-1",
    "9" * 100,
]


def block(entries: list[tuple[bytes, bytes]], chance: random.Random) -> bytes:
    """Entries with prefix compression, now and then with false lengths."""
    out, restarts, before = b"", [], b""
    for i, (key, value) in enumerate(entries):
        shared = 0
        if i % 16 == 0:
            restarts.append(len(out))
        else:
            while shared < min(len(key), len(before)) and key[shared] == before[shared]:
                shared += 1
        numbers = [shared, len(key) - shared, len(value)]
        if chance.randrange(200) == 0:
            numbers[chance.randrange(3)] = number(chance, 33)
        out += b"".join(map(varint, numbers)) + key[shared:] + value
        before = key
    count = chance.choice([len(restarts)] * 30 + [number(chance, 32)])
    return out + struct.pack(f"<{len(restarts)}II", *restarts, count)


def snappy(body: bytes, chance: random.Random) -> bytes:
    """A snappy stream that expands to gigabytes, or says so."""
    size = chance.choice([len(body), number(chance, 32)])
    copies = b"\xfe\x01\x00" * chance.choice([0, 1000, 100_000])
    return varint(size) + b"\x00a" + copies


def table(chance: random.Random) -> bytes:
    """A table with random keys, handles and compression."""
    out, handles = b"", []
    low, long_key = 0, b"k" * chance.choice([0, 0, 3000])
    for _ in range(chance.choice([1, 3, 30])):
        entries = []
        for _ in range(chance.choice([1, 20, 300])):
            low += chance.choice([1, 1, 1, 0, -1])
            mark = (number(chance, 56) << 8 | chance.choice([1, 1, 1, 0, 7])).to_bytes(8, "little")
            entries.append((long_key + b"%08d" % max(low, 0) + mark, record(chance)[:300]))
        body, kind = block(entries, chance), 0
        if chance.randrange(6) == 0:
            body, kind = snappy(body, chance), chance.choice([1, 1, 2, 9])
        handles.append((entries[-1][0], len(out), len(body)))
        out += with_trailer(body, kind)
    repeats = chance.choice([1, 1, 1, 2000])
    index = []
    for key, offset, size in handles * repeats:
        place = (offset, size) if chance.randrange(30) else (number(chance), number(chance))
        index.append((key, b"".join(map(varint, place))))
    index_at, body = len(out), block(index, chance)
    out += with_trailer(body, 0)
    footer = varint(0) + varint(0) + varint(index_at) + varint(len(body))
    return out + footer.ljust(40, b"\0") + MAGIC.to_bytes(8, "little")


def with_trailer(body: bytes, kind: int) -> bytes:
    return body + bytes([kind]) + struct.pack("<I", masked_crc(body + bytes([kind])))


def batch(chance: random.Random) -> bytes:
    """A write batch with random counts and lengths."""
    count = chance.choice([1, 20])
    out = struct.pack("<QI", number(chance), chance.choice([count, count, number(chance, 32)]))
    for i in range(count):
        out += bytes([chance.choice([1, 1, 1, 0, 9])]) + string(b"%08d" % i)
        out += string(record(chance)[:300]) if chance.randrange(20) else varint(number(chance, 33))
    return out


def edit(chance: random.Random, tables: list[int]) -> bytes:
    """An edit of a manifest: numbers of all sizes, keys of all kinds."""
    out = varint(1) + string(chance.choice([b"leveldb.BytewiseComparator"] * 9 + [b"x" * 300]))
    for tag in (2, 3, 4, 9):
        out += varint(tag) + varint(chance.choice([9, 9, number(chance)]))
    for one in tables * chance.choice([1, 1, 1, 300]):
        level, size = (
            chance.choice([0, 0, 1, number(chance)]),
            chance.choice([5000, number(chance)]),
        )
        keys = (b"%08d" % chance.randrange(9) + bytes(8), b"9" * 8 + bytes(chance.choice([8, 0])))
        out += varint(7) + varint(level) + varint(chance.choice([one, one, number(chance)]))
        out += varint(size) + b"".join(map(string, keys))
    return out + chance.randbytes(chance.choice([0, 0, 0, 9]))


def random_store(place: Place) -> list[str]:
    """Manifest, tables and logs, each with numbers at random."""
    chance, folder = place.chance, place.work / "s"
    folder.mkdir()
    tables = list(range(3, 3 + chance.choice([0, 1, 4])))
    for one in tables:
        (folder / f"{one:06}.{chance.choice(['ldb', 'sst'])}").write_bytes(table(chance))
    if chance.randrange(2):
        records = [batch(chance) for _ in range(chance.choice([1, 30]))]
        (folder / "000009.log").write_bytes(frame_records(records))
    if chance.randrange(4):
        edits = [edit(chance, tables) for _ in range(chance.choice([1, 1, 20]))]
        (folder / "MANIFEST-000002").write_bytes(frame_records(edits))
        name = "MANIFEST-000002"
    else:
        name = chance.choice(
            [f"{place.outside}/key", "../../outside/key", "/dev/zero", "x" * 5000, "."]
        )
    (folder / "CURRENT").write_text(name + chance.choice(["\n", "\n", ""]))
    return scan_words(place, chance.choice(["leveldb", "leveldb", "scan"]), "s")


def special_files(place: Place) -> list[str]:
    """Links, pipes and numbers at the edge of 64 bits next to a healthy store."""
    chance, folder = place.chance, place.work / "s"
    write_leveldb(
        folder, numbered(range(400)), numbered(range(300, 500)), in_tables=chance.random() < 0.5
    )
    names = [path.name for path in folder.iterdir()]
    names += [f"{one}.{kind}" for one in FILE_NUMBERS for kind in ("ldb", "sst", "log", "dbtmp")]
    for name in chance.sample(names, k=chance.choice([1, 3, 20])):
        put_special(folder / name[:250], place)
    if chance.randrange(3) == 0:
        (folder / "CURRENT").unlink(missing_ok=True)
    return scan_words(place, chance.choice(["leveldb", "leveldb", "scan"]), "s")


def long_keys(place: Place) -> list[str]:
    """Keys that share almost all of a long prefix."""
    prefix = b"p" * place.chance.choice([3000, 30_000])
    folder = place.work / "s"
    count = 40_000_000 // len(prefix) // 10
    write_leveldb(folder, {prefix + b"%06d" % i: b"" for i in range(count)})
    return scan_words(place, "leveldb", "s")


TRICKS = (random_store, special_files, long_keys)

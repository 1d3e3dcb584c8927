"""LMDB and LevelDB, by what lies in a value. No pickle is ever loaded."""

from __future__ import annotations

import base64
import gzip
import io
import json
import pickle
import struct
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from tests.builders.images import encode, photo, pixels
from tests.builders.layouts.base import LAYOUTS, RECORDS, Sample, classes, layout, normal, photos
from tests.builders.leveldb import write_leveldb
from tests.builders.lmdb import datum, numbered, write_lmdb

NAN = float("nan")
BAD = 7
"""The faulty record."""


def store(folder: Path, entries: dict[bytes, bytes]) -> Sample:
    """An LMDB with these entries."""
    return Sample((write_lmdb(folder / "store", entries),))


def floats(i: int, faulty: bool, size: int = 40) -> np.ndarray[Any, Any]:
    """The values of record ``i``; the faulty one has a NaN."""
    values = normal(i, size)
    if faulty and i == BAD:
        values[3] = np.nan
    return values


@layout("LMDB", "Caffe Datum, raw", "label -1")
def datum_raw(folder: Path, faulty: bool) -> Sample:
    labels = classes(RECORDS).tolist()
    labels[BAD] = -1 if faulty else labels[BAD]
    values = (datum(photos(i, 3, 8, 8), label) for i, label in enumerate(labels))
    return store(folder, numbered(values))


@layout("LMDB", "Caffe Datum, encoded", "truncated JPEG")
def datum_encoded(folder: Path, faulty: bool) -> Sample:
    images = [photo(i) for i in range(RECORDS)]
    images[BAD] = images[BAD][:400] if faulty else images[BAD]
    empty = np.zeros((3, 24, 32), np.uint8)
    return store(
        folder,
        numbered(datum(empty, i % 3, encoded=one, flag=True) for i, one in enumerate(images)),
    )


@layout("LMDB", "Caffe Datum, float", "NaN")
def datum_float(folder: Path, faulty: bool) -> Sample:
    values = (datum(floats(i, faulty).reshape(40, 1, 1), i % 3) for i in range(RECORDS))
    return store(folder, numbered(values))


@layout("LevelDB", "Caffe Datum, float", "NaN")
def datum_leveldb(folder: Path, faulty: bool) -> Sample:
    values = (datum(floats(i, faulty).reshape(40, 1, 1), i % 3) for i in range(RECORDS))
    return Sample((write_leveldb(folder / "store", numbered(values)),))


def tensor(dims: list[int], kind: int, content: bytes) -> bytes:
    """A TensorProto: dims=1, data_type=2, then its values (field and bytes)."""
    body = b"".join(b"\x08" + bytes([one]) for one in dims) + bytes([0x10, kind]) + content
    return b"\x0a" + bytes([len(body) & 127 | 128, len(body) >> 7]) + body


@layout("LMDB", "Caffe2 TensorProtos", "NaN")
def tensor_protos(folder: Path, faulty: bool) -> Sample:
    values = []
    for i in range(RECORDS):
        packed = floats(i, faulty).tobytes()
        content = b"\x1a" + bytes([len(packed) & 127 | 128, len(packed) >> 7]) + packed
        values.append(tensor([40], 1, content) + tensor([1], 2, bytes([0x22, 1, i % 3])))
    return store(folder, numbered(values))


@layout("LMDB", "text recognition", "truncated JPEG")
def text_recognition(folder: Path, faulty: bool) -> Sample:
    entries = {b"num-samples": b"%d" % RECORDS}
    for i in range(RECORDS):
        image = photo(i)
        entries[b"image-%09d" % (i + 1)] = image[:400] if faulty and i == BAD else image
        entries[b"label-%09d" % (i + 1)] = b"word%d" % i
    return store(folder, entries)


@layout("LMDB", "LSUN", "an HTML page")
def lsun(folder: Path, faulty: bool) -> Sample:
    images = [encode(pixels(i), "WEBP") for i in range(RECORDS)]
    images[BAD] = b"<html>403 Forbidden</html>" if faulty else images[BAD]
    return store(
        folder, {zlib.crc32(b"%d" % i).to_bytes(4).hex().encode(): v for i, v in enumerate(images)}
    )


@layout("LMDB", "BasicSR", "truncated PNG")
def basicsr(folder: Path, faulty: bool) -> Sample:
    images = [encode(pixels(i), "PNG") for i in range(RECORDS)]
    images[BAD] = images[BAD][:300] if faulty else images[BAD]
    sample = store(folder, {b"%04d_s001" % i: one for i, one in enumerate(images)})
    (folder / "store/meta_info.txt").write_text("0000_s001.png (24,32,3) 1\n")
    return sample


@layout("LMDB", "StyleGAN2, several resolutions", "a picture is missing in one size", 3 * RECORDS)
def stylegan2(folder: Path, faulty: bool) -> Sample:
    entries = {
        b"%d-%05d" % (size, i): photo(i, height=size, width=size)
        for size in (16, 32, 128)
        for i in range(RECORDS)
    }
    if faulty:
        del entries[b"32-%05d" % BAD]
    return store(folder, entries | {b"length": b"%d" % RECORDS})


def pickled(
    make: Callable[[int, bool], Any], others: dict[bytes, Any], key: bytes = b"%08d"
) -> Callable[[Path, bool], Sample]:
    """A store of pickles under numbers, and pickled bookkeeping."""

    def build(folder: Path, faulty: bool) -> Sample:
        entries = {key % i: pickle.dumps(make(i, faulty)) for i in range(RECORDS)}
        return store(folder, entries | {name: pickle.dumps(one) for name, one in others.items()})

    return build


def fields(i: int, faulty: bool) -> dict[str, Any]:
    """A record of several fields."""
    return {"pos": floats(i, faulty), "energy": float(i), "name": f"m{i}"}


KEYS = [b"%08d" % i for i in range(RECORDS)]
layout("LMDB", "tensorpack, pickled", "NaN")(
    pickled(lambda i, faulty: [floats(i, faulty), i % 3], {b"__keys__": KEYS})
)
layout("LMDB", "folder2lmdb", "truncated JPEG")(
    pickled(
        lambda i, faulty: ([photo(i)[: 400 if faulty and i == BAD else None]], np.array(i % 3)),
        {b"__keys__": KEYS, b"__len__": RECORDS},
    )
)
layout("LMDB", "OC20 / fairchem", "NaN forces")(pickled(fields, {b"length": RECORDS}, b"%d"))
layout("LMDB", "TAPE", "NaN")(pickled(fields, {b"num_examples": RECORDS}, b"%d"))
layout("LMDB", "ViLBERT / MMF", "NaN")(
    pickled(
        lambda i, faulty: {"features": base64.b64encode(floats(i, faulty).tobytes()), "id": i},
        {b"keys": KEYS},
        b"%d",
    )
)


def encoded(
    make: Callable[[int, bool], bytes], others: dict[bytes, bytes], key: bytes = b"%d"
) -> Callable[[Path, bool], Sample]:
    """A store of encoded values."""

    def build(folder: Path, faulty: bool) -> Sample:
        return store(folder, {key % i: make(i, faulty) for i in range(1, RECORDS + 1)} | others)

    return build


def as_json(i: int, faulty: bool) -> bytes:
    """A record as JSON, with NaN for what is not a number."""
    return json.dumps({"energy": float(i), "forces": floats(i, faulty).tolist()}).encode()


def as_msgpack(i: int, faulty: bool) -> bytes:
    """A record as msgpack_numpy writes it."""
    array = {b"nd": True, b"type": "<f4", b"shape": (40,), b"data": floats(i, faulty).tobytes()}
    return msgspec.msgpack.encode({"features": array, "name": f"r{i}"})


def as_npy(i: int, faulty: bool) -> bytes:
    """A record as .npy."""
    stream = io.BytesIO()
    np.save(stream, floats(i, faulty))
    return stream.getvalue()


def as_npz(i: int, faulty: bool) -> bytes:
    """A record as .npz."""
    stream = io.BytesIO()
    np.savez(stream, image=floats(i, faulty), label=i % 3)
    return stream.getvalue()


def as_torch_zip(i: int, faulty: bool) -> bytes:
    """What torch.save writes: a zip with data.pkl and storages."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr("archive/data.pkl", pickle.dumps({"image": i}))
        file.writestr("archive/data/0", floats(i, faulty).tobytes())
    return stream.getvalue()


def as_lz4(i: int, faulty: bool) -> bytes:
    """A stored block in an LZ4 frame."""
    body = as_msgpack(i, faulty)
    header = b"\x04\x22\x4d\x18\x60\x40\x82" + struct.pack("<I", len(body) | 1 << 31)
    return header + body + bytes(4)


ASE = {
    b"nextid": zlib.compress(b"31"),
    b"deleted_ids": zlib.compress(b"[]"),
    b"metadata": zlib.compress(b"{}"),
}
ATOM3D = {
    b"num_examples": b"%d" % RECORDS,
    b"serialization_format": b"json",
    b"id_to_idx": gzip.compress(b"{}"),
}
for name, make, others, key in (
    ("folder2lmdb, Arrow", lambda i, f: b"\xff\xff\xff\xff\0\1" + as_npy(i, f), {}, b"%d"),
    (".aselmdb", lambda i, f: zlib.compress(as_json(i, f)), ASE, b"%d"),
    ("UNITER", as_msgpack, {b"__keys__": b'["nlvr2_000000000001.npz"]'}, b"nlvr2_%012d.npz"),
    ("HERO text", as_lz4, {}, b"%d"),
    ("ATOM3D", lambda i, f: gzip.compress(as_json(i, f)), ATOM3D, b"%d"),
    ("torch.save blobs", as_torch_zip, {}, b"%08d"),
    ("JSON", as_json, {}, b"%d"),
    ("msgpack", as_msgpack, {}, b"%d"),
    ("npz", as_npz, {}, b"%d"),
    ("npy", as_npy, {}, b"%d"),
    ("npy behind gzip", lambda i, f: gzip.compress(as_npy(i, f)), {}, b"%d"),
    ("raw bytes", lambda i, f: floats(i, f).tobytes(), {}, b"%d"),
):
    layout("LMDB", name, "NaN")(encoded(make, others, key))


@layout("LMDB", "CausVid, Self-Forcing", "NaN", 2 * RECORDS)
def self_forcing(folder: Path, faulty: bool) -> Sample:
    entries = {b"latents_shape": b"%d 40" % RECORDS, b"prompts_shape": b"%d" % RECORDS}
    for i in range(RECORDS):
        entries[b"latents_%d_data" % i] = floats(i, faulty).astype(np.float16).tobytes()
        entries[b"prompts_%d_data" % i] = b"a picture of %d things" % i
    return store(folder, entries)


def unreadable(value: bytes, folder: Path, faulty: bool) -> Sample:
    """Datums, and if ``faulty``, half of the values something else."""
    values = [datum(photos(i, 3, 8, 8), i % 3) for i in range(RECORDS)]
    if faulty:
        values[1::2] = [value + b"%d" % i for i in range(1, RECORDS, 2)]
    return store(folder, numbered(values))


for name, value in (
    ("pickles", pickle.dumps({"a": 1})),
    ("zip files", as_torch_zip(0, faulty=False)),
    ("texts", b"some text "),
    ("random bytes", photos(5, 300).tobytes()),
):
    layout("LMDB", f"Caffe Datum, half of them {name}", "half of the values")(
        partial(unreadable, value)
    )

STORES = tuple(LAYOUTS)

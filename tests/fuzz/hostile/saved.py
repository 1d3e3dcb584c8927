"""Checkpoints and reports that datascan has not written, or that were changed since."""

from __future__ import annotations

import json
import pickle
import random
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from datascan.cli.app import run
from tests.builders.images import photo
from tests.fuzz.case import Place
from tests.fuzz.damage import damage as flip
from tests.fuzz.hostile.common import NAMES, number, scan_words

DEPTH = 100_000


class Touch:
    """What a pickle may do."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("touched"),)


@cache
def healthy_report(folder: str) -> bytes:
    """The report on the folder ``d`` in the working directory."""
    target = Path(folder) / "healthy.json"
    run(
        [
            "images",
            f"{folder}/d",
            "--json",
            str(target),
            "-qq",
            "--no-progress",
            "--workers",
            "0",
        ]
    )
    content = target.read_bytes()
    target.unlink()
    return content


def dataset(place: Place) -> None:
    """A few images, of which one is bad."""
    (place.work / "d" / "a").mkdir(parents=True)
    (place.work / "d" / "b").mkdir()
    for i in range(6):
        (place.work / "d" / "ab"[i % 2] / f"{i}.jpg").write_bytes(
            photo(i)[: -(i == 5) * 300 or None]
        )


def replaced(value: Any, chance: random.Random) -> Any:
    """The value with some parts exchanged."""
    if chance.randrange(15) == 0:
        return chance.choice(
            [None, True, number(chance), -1, 1e308, "", *NAMES, [], {}, [[]] * 999]
        )
    if isinstance(value, dict):
        return {key: replaced(part, chance) for key, part in value.items() if chance.randrange(30)}
    if isinstance(value, list):
        parts = [replaced(part, chance) for part in value]
        return parts * chance.choice([1, 1, 1, 1, 3000]) if len(parts) < 10 else parts
    return value


def report(place: Place) -> list[str]:
    """A saved report whose values are of other types, numbers and sizes."""
    chance = place.chance
    dataset(place)
    healthy = healthy_report(str(place.work))
    content = chance.choice(
        [
            lambda: json.dumps(replaced(json.loads(healthy), chance)).encode(
                "utf-8", "surrogatepass"
            ),
            lambda: flip(healthy, chance),
            lambda: b"[" * DEPTH,
            lambda: b'{"a":' * DEPTH,
            lambda: b'{"version": 1' + b"0" * DEPTH + b"}",
            lambda: healthy.replace(b"1", b"1e999"),
            lambda: healthy.replace(b"1", b"-0.0e-999"),
            lambda: b"\xff\xfe" + healthy,
            lambda: b'"' + b"\\ud800" * 9000 + b'"',
        ]
    )()
    (place.work / "r.json").write_bytes(content)
    words = ["report", "r.json", "--json", str(place.out / "json")]
    return words + chance.choice(
        [[], ["--html", str(place.out / "html")], ["--sarif", str(place.out / "s")]]
    )


def checkpoint(place: Place) -> list[str]:
    """A file of ``--resume`` that runs code when it is unpickled, or claims to be large."""
    chance = place.chance
    dataset(place)
    value: Any = 1
    for _ in range(chance.choice([3, 300])):
        value = chance.choice(
            [[value], {"a": value}, msgspec.msgpack.Ext(1, b"x"), [value, number(chance)]]
        )
    content = chance.choice(
        [
            lambda: pickle.dumps(Touch()),
            lambda: b"\x80\x04cposix\nsystem\n(S'touch touched'\ntR.",
            lambda: msgspec.msgpack.encode(value),
            lambda: b"\xdd\xff\xff\xff\xff" * chance.choice([1, 5000]),
            lambda: b"\xc6\xff\xff\xff\xff",
            lambda: b"\x91" * DEPTH,
            lambda: b"",
            lambda: b"datascan" + chance.randbytes(300),
        ]
    )()
    (place.out / "checkpoint").write_bytes(content)
    return scan_words(place, "images", "d", "--resume", str(place.out / "checkpoint"))


TRICKS = (report, checkpoint)

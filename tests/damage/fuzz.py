"""Damages healthy datasets at random, scans them, and checks that nothing goes wrong.

See ``scripts/fuzz --help``. The command itself scans each variant, in a forked child of this
process, so that nothing is imported again.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import numpy as np
import plyvel

from datascan.cli.app import run
from tests.builders.images import encode, photo, pixels, write_tree
from tests.builders.lmdb import numbered, random_datums, write_lmdb

HARD_LIMIT = 90.0
SHOW_REFUSALS = bool(os.environ.get("SHOW_REFUSALS"))
STORE_RULES = {
    "truncated-store",
    "damaged-store",
    "reader-crash",
    "key-gap",
    "record-count-mismatch",
    "missing-file",
    "empty-dataset",
}
"""Rules that report unreachable records."""


def build_lmdb(path: Path) -> None:
    write_lmdb(path, numbered(random_datums(200, (3, 16, 16))), map_size=1 << 24)


def build_lmdb_small(path: Path) -> None:
    pairs = list(numbered(random_datums(1500)).items())
    for first in range(0, len(pairs), 300):
        write_lmdb(path, pairs[first : first + 300], map_size=1 << 24)


def build_leveldb(path: Path) -> None:
    store = plyvel.DB(str(path), create_if_missing=True, write_buffer_size=1 << 17)
    for key, value in numbered(random_datums(400, (3, 16, 16))).items():
        store.put(key, value)
    store.close()


def build_leveldb_log(path: Path) -> None:
    store = plyvel.DB(str(path), create_if_missing=True)
    for key, value in numbered(random_datums(200, (3, 16, 16))).items():
        store.put(key, value)
    store.close()


def build_hdf5(path: Path) -> None:
    values = np.random.default_rng(0).normal(size=(400, 40)).astype(np.float32)
    with h5py.File(path, "w") as file:
        packing = {"chunks": (50, 40), "compression": "gzip", "fletcher32": True}
        file.create_dataset("data", data=values, **packing)
        file["label"] = np.arange(400) % 4


def build_hdf5_gzip(path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 256, (400, 60), np.uint8)
    with h5py.File(path, "w") as file:
        file.create_dataset("data", data=values, chunks=(32, 60), compression="gzip")
        file["label"] = np.arange(400) % 4


def build_images(path: Path) -> None:
    files = {f"{'ab'[i % 2]}/{i:02}.jpg": photo(i) for i in range(24)}
    files |= {f"c/{i}.png": encode(pixels(i), "PNG") for i in range(6)}
    files |= {"c/8.gif": encode(pixels(8), "GIF"), "c/9.webp": encode(pixels(9), "WEBP")}
    files |= {"c/10.tif": encode(pixels(7), "TIFF", compression="tiff_lzw")}
    write_tree(path, files)


BUILDERS: dict[str, Callable[[Path], None]] = {
    "lmdb": build_lmdb,
    "lmdb-small": build_lmdb_small,
    "leveldb": build_leveldb,
    "leveldb-log": build_leveldb_log,
    "hdf5-fletcher": build_hdf5,
    "hdf5-gzip": build_hdf5_gzip,
    "images": build_images,
}


def damage(content: bytes, chance: random.Random) -> bytes:  # noqa: PLR0911  (one a kind)
    """The content after random damage."""
    if not content:
        return chance.randbytes(chance.randrange(1, 100))
    at = chance.randrange(len(content))
    length = min(chance.choice([1, 4, 64, 512, 4096, 20_000]), len(content) - at)
    kind = chance.randrange(6)
    if kind == 0:
        flipped = bytes(octet ^ chance.randrange(1, 256) for octet in content[at : at + 64])
        return content[:at] + flipped + content[at + len(flipped) :]
    if kind == 1:
        return content[:at] + bytes(length) + content[at + length :]
    if kind == 2:
        return content[:at] + chance.randbytes(length) + content[at + length :]
    if kind == 3:
        return content[:at]
    if kind == 4:
        return content[:at] + content[at + length :]
    other = chance.randrange(len(content))
    swapped = bytearray(content)
    swapped[at : at + length] = content[other : other + length].ljust(length, b"\0")
    return bytes(swapped)


def damage_some(path: Path, chance: random.Random) -> set[str]:
    """Damage one to three files of a dataset; returns their names."""
    files = sorted(p for p in [path, *path.rglob("*")] if p.is_file())
    touched = set()
    for _ in range(chance.choice([1, 1, 2, 3])):
        file = chance.choice(files)
        touched.add(file.relative_to(path).as_posix() if file != path else path.name)
        if path.is_dir() and chance.randrange(12) == 0:
            file.unlink(missing_ok=True)
        elif file.exists():
            file.write_bytes(damage(file.read_bytes(), chance))
    return touched


def snapshot(path: Path) -> dict[str, tuple[str, int]]:
    """Content hash and modification time of every file."""
    return {
        str(p): (hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_mtime_ns)
        for p in [path, *path.rglob("*")]
        if p.is_file()
    }


@dataclass(frozen=True)
class Outcome:
    """The results of a scan."""

    status: int
    errors: str
    report: dict | None
    bad: list[dict]
    scratch: list[str]
    hung: bool


def scan(path: Path, home: Path) -> Outcome:
    """Run the command in a child process, in its own session."""
    scratch = home / "scratch"
    scratch.mkdir()
    child = os.fork()
    if child == 0:
        os.setsid()
        os.environ["TMPDIR"] = tempfile.tempdir = str(scratch)
        with (home / "out").open("wb") as out, (home / "err").open("wb") as err:
            os.dup2(out.fileno(), 1)
            os.dup2(err.fileno(), 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
        status = 99
        try:
            arguments = ["scan", str(path), "--json", str(home / "json"), "--timeout", "20"]
            status = run([*arguments, "--bad-records", str(home / "bad"), "--quiet"])
        except BaseException:  # noqa: BLE001  (any exception is a failure to report)
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    until, hung, done = time.monotonic() + HARD_LIMIT, False, (0, 0)
    while not (done := os.waitpid(child, os.WNOHANG))[0]:
        if time.monotonic() > until:
            hung = True
            os.killpg(child, signal.SIGKILL)
        time.sleep(0.002)
    left = find_leftover(child)
    report = json.loads((home / "json").read_text()) if (home / "json").exists() else None
    bad = []
    if (home / "bad").exists():
        bad = [json.loads(line) for line in (home / "bad").read_text().splitlines()]
    status = os.waitstatus_to_exitcode(done[1])
    errors = (home / "err").read_text() + left
    return Outcome(status, errors, report, bad, [p.name for p in scratch.iterdir()], hung)


def find_leftover(session: int) -> str:
    """An error message if a process of this session is still alive, else ""."""
    time.sleep(0.01)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(session, 0)
        time.sleep(0.2)
        os.killpg(session, signal.SIGKILL)
        return "a process was left behind"
    return ""


def find_failures(
    outcome: Outcome, healthy: dict[str, object], touched: set[str], *, exact: bool
) -> Iterator[str]:
    """What is wrong with the outcome; ``exact`` if each record is a separate file."""
    yield from find_misbehaviour(outcome)
    if outcome.report is None:
        return
    report = outcome.report
    lost = healthy["records"] - report["dataset"]["records"]
    rules = {finding["rule"] for finding in report["findings"]}
    newest_log_gone = (
        any(name.endswith(".log") for name in touched) and "leveldb" in report["dataset"]["backend"]
    )
    if lost > 0 and newest_log_gone and not rules & STORE_RULES:
        # A log that was deleted, or cut at the end of a record, leaves no trace.
        return
    if lost > 0 and not exact and not (rules & STORE_RULES and outcome.status == 1):
        yield f"{lost} records lost without a finding"
    if not report["complete"]:
        yield "incomplete"
    for line in outcome.bad if exact else ():
        if line["rule"] in {"corrupt-image", "not-an-image"} and line["key"] not in touched:
            yield f"undamaged, but reported: {line}"


def find_misbehaviour(outcome: Outcome) -> Iterator[str]:
    """What no scan may do, for any input."""
    if outcome.hung:
        yield "hung"
    if outcome.status not in {0, 1, 2}:
        yield f"exit status {outcome.status}"
    if "Traceback" in outcome.errors or (outcome.errors and outcome.status != 2):
        yield f"standard error: {outcome.errors[-1500:]}"
    if outcome.status == 2 and SHOW_REFUSALS:
        print(outcome.errors.strip()[-160:], flush=True)
    if outcome.status == 2 and len(outcome.errors.splitlines()) != 1:
        yield f"error message is not one line: {outcome.errors!r}"
    if outcome.scratch:
        yield f"left behind: {outcome.scratch}"


@dataclass
class Table:
    """Counts of outcomes by kind of dataset."""

    counts: dict[str, Counter[str]] = field(default_factory=dict)

    def add(self, name: str, outcome: Outcome, failed: bool) -> None:
        count = self.counts.setdefault(name, Counter())
        count["variants"] += 1
        count[f"exit {outcome.status}"] += 1
        count["hangs"] += outcome.hung
        count["failures"] += failed
        findings = outcome.report["findings"] if outcome.report else []
        count["crashes"] += any(f["rule"] == "reader-crash" for f in findings)

    def text(self) -> str:
        heads = ["variants", "exit 0", "exit 1", "exit 2", "crashes", "hangs", "failures"]
        lines = [f"{'dataset':<14}" + "".join(f"{head:>10}" for head in heads)]
        total: Counter[str] = Counter()
        for name, count in self.counts.items():
            total += count
            lines.append(f"{name:<14}" + "".join(f"{count[head]:>10,}" for head in heads))
        lines.append(f"{'all':<14}" + "".join(f"{total[head]:>10,}" for head in heads))
        return "\n".join(lines)


def fuzz(
    variants: int, seconds: float, seed: int, names: list[str], keep: Path | None = None
) -> tuple[Table, list[str]]:
    """Scan damaged variants; returns counts and failures, with the seeds to reproduce them."""
    table, failures = Table(), []
    until = time.monotonic() + seconds
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        home = Path(folder)
        healthy = {}
        for name in names:
            BUILDERS[name](home / name)
            (home / "check").mkdir()
            outcome = scan(home / name, home / "check")
            assert outcome.report is not None, outcome
            healthy[name] = {"records": outcome.report["dataset"]["records"]}
            shutil.rmtree(home / "check")
        for i in range(variants):
            if time.monotonic() > until:
                break
            name = names[i % len(names)]
            found = fuzz_one(home, name, healthy[name], seed + i, table, keep)
            failures += [f"{name} --seed {seed + i}: {text}" for text in found]
            if i % 500 == 499:
                print(f"{i + 1:,} variants, {len(failures):,} failures", flush=True)
    return table, failures


def fuzz_one(
    home: Path, name: str, healthy: dict, seed: int, table: Table, keep: Path | None
) -> list[str]:
    """Damage and scan one variant; returns its failures."""
    work = home / "work"
    work.mkdir()
    path = work / name
    (shutil.copytree if (home / name).is_dir() else shutil.copy)(home / name, path)
    touched = damage_some(path, random.Random(f"{name} {seed}"))
    before = snapshot(path)
    outcome = scan(path, work)
    failures = list(find_failures(outcome, healthy, touched, exact=name == "images"))
    if snapshot(path) != before:
        failures.append("the dataset was changed")
    table.add(name, outcome, bool(failures))
    if failures and keep is not None:
        shutil.copytree(work, keep / f"{name}-{seed}", dirs_exist_ok=True)
    shutil.rmtree(work)
    return failures


def main() -> int:
    """Fuzz as the arguments say; exit status 1 on any failure."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("--variants", type=int, default=2000)
    parser.add_argument("--seconds", type=float, default=1200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--dataset", action="append", choices=BUILDERS)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="copy variants that fail to DIR")
    args = parser.parse_args()
    names = args.dataset or list(BUILDERS)
    table, failures = fuzz(args.variants, args.seconds, args.seed, names, args.keep)
    print("\n".join([*failures, table.text()]))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

"""Results of shards are stored exactly, and reading what a stranger has stored runs nothing."""

from __future__ import annotations

import pickle
import random
import sys
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path

import msgspec
import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from datascan.executors.serial import SerialExecutor
from datascan.metrics.base import Concatenated, Flagged, Tally, TallyMap
from datascan.readers.base import Reader
from datascan.records.block import Block
from datascan.scanner import checkpoint
from datascan.scanner.checkpoint import ENTRY, HEADER, Checkpoint
from datascan.scanner.forms import (
    DTYPES,
    DamagedError,
    StoredArray,
    UnstorableError,
    decode_array,
    encode_array,
    make_form,
)
from datascan.scanner.guard import GuardedMetric, GuardedTally
from datascan.scanner.scan import collect_metrics, scan
from datascan.scanner.stored_results import ResultForms
from datascan.scanner.tasks import MeasureTask
from datascan.testing.blocks import BlockReader
from datascan.testing.check_laws import PLAN, blocks
from datascan.testing.profile import examples
from tests.scanner.test_checkpoint import CHECKS, Notes, reader, text

METRICS = collect_metrics(CHECKS)


def measured(made, metrics):
    """What ``metrics`` measure in each shard of a reader."""
    task, shards = MeasureTask(made, metrics), made.plan().shards
    return list(SerialExecutor().map(task, shards, on_tick=ignore, on_done=ignore))


def ignore(*_):
    """Discard progress."""


def same(left, right):  # noqa: PLR0911  (one return for each type)
    """Whether two values are equal, of equal types, bit for bit."""
    if type(left) is not type(right):
        return False
    if isinstance(left, Concatenated):
        return same(left.array, right.array)
    if isinstance(left, np.ndarray):
        equal = left.dtype.str == right.dtype.str and left.shape == right.shape
        if left.dtype == object:
            return equal and left.tolist() == right.tolist()
        return equal and left.tobytes() == right.tobytes()
    if isinstance(left, TallyMap):
        pairs = zip(left.entries.items(), right.entries.items(), strict=True)
        return all(same(a, b) for pair in pairs for a, b in zip(*pair, strict=True))
    if is_dataclass(left):
        return all(same(getattr(left, f.name), getattr(right, f.name)) for f in fields(left))
    if isinstance(left, tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return repr(left) == repr(right)


@examples(300)
@given(st.lists(blocks(), min_size=1, max_size=3))
def test_what_every_metric_measures_is_stored_exactly(drawn):
    made = BlockReader([[block] for block in drawn], PLAN)
    forms = ResultForms(METRICS, len(drawn))
    for index, pieces in enumerate(measured(made, METRICS)):
        shard, found = forms.decode(forms.encode(index, pieces))
        assert shard == index
        assert len(found) == len(pieces)
        assert all(map(same, pieces, found))


@pytest.mark.parametrize("dtype", DTYPES.values(), ids=str)
@pytest.mark.parametrize("shape", [(0,), (3,), (2, 3), (0, 4), (5, 1, 2)])
def test_arrays_of_every_dtype(dtype, shape):
    array = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    assert same(decode_array(encode_array(array)), array)
    assert same(decode_array(encode_array(np.asfortranarray(array))), array)


@given(st.lists(st.text(st.characters(exclude_categories=()))))
def test_texts_may_be_file_names(texts):
    array = np.empty(len(texts), object)
    array[:] = texts
    assert same(decode_array(encode_array(array)), array)


@given(st.integers())
def test_integers_of_any_size(number):
    form = make_form(int)
    for value in (number, number << 64, number << 2000, -1 << 63, 1 << 63, (1 << 64) - 1):
        assert (
            form.decode(msgspec.msgpack.decode(msgspec.msgpack.encode(form.encode(value)))) == value
        )


@pytest.mark.parametrize(
    "stored",
    [
        StoredArray("|O", (1,), bytes(8)),
        StoredArray("O", (1,), bytes(8)),
        StoredArray("<M8[s]", (1,), bytes(8)),
        StoredArray("<i8", (2,), bytes(8)),
        StoredArray("<i8", (-1,), b""),
        StoredArray("<i8", (-1, -1), bytes(8)),
        StoredArray("<i8", (1 << 62, 4), b""),
        StoredArray("<i8", (0, 1 << 62), b""),
        StoredArray("<i8", (1,) * 33, bytes(8)),
        StoredArray("|b1", (1,), b"\x02"),
        StoredArray("text", (2,), b"ab", (2,)),
        StoredArray("text", (1,), b"ab", (3,)),
        StoredArray("text", (2,), b"ab", (3, -1)),
        StoredArray("text", (1,), b"\xff", (1,)),
    ],
)
def test_impossible_arrays(stored):
    with pytest.raises(ValueError):  # noqa: PT011  (also UnicodeDecodeError)
        decode_array(stored)


@dataclass(frozen=True, slots=True)
class Moves(Tally):
    """A tally of another package."""

    flagged: Flagged
    longest: float
    names: tuple[str, ...]
    pairs: tuple[tuple[int, bool], ...]


class Plain:
    """Not a dataclass."""


def measure_moves(block: Block) -> Moves | None:
    addresses = block.start + np.arange(block.records)
    facts = np.ones((block.records, 2), np.float16)
    return Moves(Flagged.of(addresses, facts), 2.5, ("caf\udce9",), ((1 << 70, True),))


def measure_plain(block: Block) -> Plain:
    raise NotImplementedError


def measure_wrong(block: Block) -> Moves:
    return Moves(Flagged.of(np.arange(1), np.arange(1)), 2, (), ())  # 2 is not a float


def test_tallies_of_other_packages_are_stored():
    forms = ResultForms({"moves": GuardedMetric(measure_moves)}, 1)
    made = BlockReader([[Block(0, 3, 0)]], PLAN)
    [pieces] = measured(made, {"moves": GuardedMetric(measure_moves)})
    assert same(forms.decode(forms.encode(0, pieces))[1][0], pieces[0])
    failed = pieces[0].tallies.entries | {"moves": GuardedTally(None, "it failed")}
    piece = type(pieces[0])(pieces[0].shards, pieces[0].records, 0, TallyMap(failed))
    assert same(forms.decode(forms.encode(0, [piece]))[1][0], piece)


@pytest.mark.parametrize("measure", [measure_plain, lambda block: None, len])
def test_types_that_cannot_be_stored(measure):
    with pytest.raises(UnstorableError, match="the result of it cannot be stored"):
        ResultForms({"it": measure}, 1)


def test_values_of_other_types_than_declared():
    forms = ResultForms({"it": measure_wrong}, 1)
    made = BlockReader([[Block(0, 3, 0)]], PLAN)
    [pieces] = measured(made, {"it": measure_wrong})
    with pytest.raises(UnstorableError, match="a value is int, not float"):
        forms.encode(0, pieces)


class Watch:
    """Notes what the interpreter does while it is on."""

    def __init__(self):
        self.on, self.events = False, []
        sys.addaudithook(self)

    def __call__(self, event, arguments):
        if self.on:
            self.events.append((event, arguments))

    @contextmanager
    def watching(self):
        self.on = True
        try:
            yield
        finally:
            self.on = False


WATCH = Watch()
"""One for all tests: an audit hook cannot be removed."""


def harmless(event, arguments, path: Path):
    """Opening the checkpoint itself or the one before it, renaming it to that, and cutting it."""
    kept = f"{path}.old"
    if event == "os.rename":
        return list(map(str, arguments[:2])) == [str(path), kept]
    own = event == "open" and (
        str(arguments[0]) in (str(path), kept) or isinstance(arguments[0], int)
    )
    return own or event == "os.truncate"


def entry(body):
    """An entry with the right length and checksum."""
    return ENTRY.pack(len(body), xxhash.xxh3_64_intdigest(body)) + body


def bomb(module=b"datascan.metrics.base", name=b"np._pytesttester.os.system"):
    """A pickle that the unpickler of version 2 ran: a dotted name in a module that it admitted."""
    words = b"".join(b"\x8c" + bytes([len(word)]) + word for word in (module, name))
    return b"\x80\x04" + words + b"\x93\x8c\x04true\x85R."


def kept_file(folder: Path) -> tuple[Path, Reader]:
    """The checkpoint of a whole scan."""
    file = folder / "resume"
    made = reader(file)
    scan(made, CHECKS)
    return file, made


def open_watched(path, identity, forms):
    """A checkpoint, and everything that the interpreter did to read it."""
    WATCH.events.clear()
    with WATCH.watching():
        kept = Checkpoint(path, identity, forms, Notes())
        kept.close()
    odd = [event for event in WATCH.events if not harmless(*event, path)]
    return kept, odd


def test_the_watch_sees_what_a_pickle_does():
    WATCH.events.clear()
    with WATCH.watching():
        assert pickle.loads(bomb(b"datascan.scanner.checkpoint", b"os.system")) == 0
    assert {"pickle.find_class", "os.system"} <= {event for event, _ in WATCH.events}


@pytest.mark.parametrize("magic", [b"datascan resume 2\n", HEADER])
def test_a_pickle_is_not_run(tmp_path, magic):
    forms, identity = ResultForms(METRICS, 10), b"f" * 32
    for body in (bomb(), pickle.dumps((0, [])), b"", b"\xc1", b"\x91" * 100_000):
        file = tmp_path / "resume"
        file.write_bytes(magic + identity + entry(body))
        kept, odd = open_watched(file, identity, forms)
        assert odd == []
        assert kept.finished == {}
        assert kept.replaced
        assert file.read_bytes() == HEADER + identity


def mutated(whole: bytes, start: int, made: random.Random) -> bytes:
    """Change a few bytes after the header; half of the time with the right checksums."""
    octets = bytearray(whole)
    for _ in range(made.randint(1, 4)):
        place = made.randrange(start, len(octets))
        action = made.randrange(4)
        if action == 0:
            octets[place] ^= 1 << made.randrange(8)
        elif action == 1:
            octets[place] = made.choice((0, 0x7F, 0x80, 0xC0, 0xC7, 0xDC, 0xDD, 0xDF, 0xFF))
        elif action == 2:
            del octets[place : place + made.randint(1, 9)]
        else:
            octets[place:place] = made.randbytes(made.randint(1, 9))
    return bytes(octets)


def test_mutated_files_do_nothing(tmp_path):
    file, _ = kept_file(tmp_path)
    whole = file.read_bytes()
    start = len(HEADER) + 32
    identity, forms, made = whole[len(HEADER) : start], ResultForms(METRICS, 10), random.Random(1)
    (length, _), offset = ENTRY.unpack_from(whole, start), start + ENTRY.size
    body = whole[offset : offset + length]
    replaced = accepted = 0
    for number in range(2000):
        if number % 2:
            file.write_bytes(mutated(whole, start, made))
        else:
            file.write_bytes(whole[:start] + entry(mutated(body, 0, made)))
        kept, odd = open_watched(file, identity, forms)
        assert odd == []
        replaced += bool(kept.replaced)
        accepted += bool(kept.finished)
        for pieces in kept.finished.values():
            assert all(type(piece).__name__ == "PartialResult" for piece in pieces)
    assert replaced > 1000
    assert accepted > 50


def test_random_files_do_nothing(tmp_path):
    file, made, forms = tmp_path / "resume", random.Random(2), ResultForms(METRICS, 10)
    for _ in range(500):
        file.write_bytes(HEADER + b"f" * 32 + entry(made.randbytes(made.randrange(400))))
        kept, odd = open_watched(file, b"f" * 32, forms)
        assert odd == []
        assert kept.replaced.startswith("is damaged")


@pytest.mark.parametrize("part", [-1, 10])
def test_parts_that_do_not_exist(part):
    pieces = measured(reader(), METRICS)[0]
    forms = ResultForms(METRICS, 10)
    with pytest.raises(DamagedError):
        forms.decode(forms.encode(part, pieces))
    with pytest.raises(DamagedError, match="another shard"):
        forms.decode(forms.encode(1, pieces))
    with pytest.raises(DamagedError):
        forms.decode(forms.encode(0, []))


def test_a_scan_that_cannot_be_saved_is_not(tmp_path):
    file, notes = tmp_path / "resume", Notes()
    made = reader(file)
    kept = checkpoint.open_checkpoint(made, made.plan(), {"plain": measure_plain}, notes)
    kept.keep(0, measured(made, METRICS)[0])
    assert not file.exists()
    [line] = notes.said
    assert line.startswith(f"{file} is not used: the result of plain cannot be stored")


def test_a_tally_of_another_type_ends_saving(tmp_path):
    file, notes = tmp_path / "resume", Notes()
    made = reader(file)
    kept = checkpoint.open_checkpoint(made, made.plan(), {"it": measure_wrong}, notes)
    for shard, pieces in enumerate(measured(made, {"it": measure_wrong})):
        kept.keep(shard, pieces)
    kept.close()
    assert notes.said == [f"{file} saves no more of this scan: a value is int, not float"]
    assert file.stat().st_size == len(HEADER) + 32


def twisted(stored, made: random.Random):
    """Stored results in which some numbers and bytes are others, but of the same types."""
    if isinstance(stored, list):
        return [twisted(part, made) for part in stored]
    if made.random() > 0.04 or isinstance(stored, bool):
        return stored
    if isinstance(stored, int):
        return made.choice((0, 1, -1, 1 << 40, stored + 1, 1 << 62, -1 << 63))
    if isinstance(stored, float):
        return made.choice((float("nan"), float("inf"), -float("inf"), 1e308, 0.0))
    if isinstance(stored, bytes) and stored:
        octets = bytearray(stored)
        octets[made.randrange(len(octets))] = made.randrange(256)
        return bytes(octets)
    return stored


def test_results_that_are_not_true_raise_nothing(tmp_path):
    file, _ = kept_file(tmp_path)
    whole, made = file.read_bytes(), random.Random(5)
    start = end = len(HEADER) + 32
    bodies = []
    while end < len(whole):
        length, _ = ENTRY.unpack_from(whole, end)
        bodies.append(whole[end + ENTRY.size : end + ENTRY.size + length])
        end += ENTRY.size + length
    used = 0
    for _ in range(200):
        chosen = made.randrange(len(bodies))
        changed = msgspec.msgpack.encode(twisted(msgspec.msgpack.decode(bodies[chosen]), made))
        parts = [*bodies[:chosen], changed, *bodies[chosen + 1 :]]
        file.write_bytes(whole[:start] + b"".join(map(entry, parts)))
        notes = Notes()
        assert text(scan(reader(file), CHECKS, notes))
        used += notes.said[0].startswith("resuming")
    assert used > 20

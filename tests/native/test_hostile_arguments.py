"""The exported functions refuse arguments that no caller of ours would pass.

Each call is refused with a ValueError or TypeError, or returns what the reference returns; nothing
outside of its buffers is written. ``scripts/sanitize`` makes more of these calls.
"""

from __future__ import annotations

import sys
import threading
import time
from random import Random

import numpy as np
import pytest

from datascan.native import fallback, table_blocks
from tests.native.calls import CALLS, sealed
from tests.native.hostile import is_refused_or_right

kernels = pytest.importorskip("datascan.native.kernels", reason="not compiled")
epoch = pytest.importorskip("datascan.native.epoch", reason="not compiled")
leaves = pytest.importorskip("datascan.native.leaves", reason="not compiled")
pictures = pytest.importorskip("datascan.native.pictures", reason="not compiled")
records = pytest.importorskip("datascan.native.records", reason="not compiled")
tables = pytest.importorskip("datascan.native.tables", reason="not compiled")

MODULES = {
    "compute_stats": kernels,
    "add_exactly": kernels,
    "gather": kernels,
    "mark_repeated": kernels,
    "measure_records": records,
    "key_numbers": records,
    "locate_entries": leaves,
    "claim_pages": leaves,
    "unshuffle": kernels,
    "skip_segments": pictures,
    "measure_pixels": pictures,
    "finish_fingerprints": kernels,
    "free_runs": epoch,
    "count_batches": epoch,
    "decode_blocks": tables,
    "decode_handles": tables,
}

SEED = 8
"""Of a valid call without empty arrays."""


def valid_arguments(name, seed=SEED):
    """Arguments that are accepted, and the positions of those that are written to."""
    call = CALLS[name](Random(seed))
    return call.arguments, call.outputs


def test_every_exported_function_is_called():
    exported = {
        name
        for module in (kernels, records, epoch, tables, leaves, pictures)
        for name in vars(module)
        if callable(getattr(module, name)) and name[0] != "_"
    }
    assert exported == set(MODULES) == set(CALLS)


@pytest.mark.parametrize("name", CALLS)
def test_calls_at_random(name):
    refused = [is_refused_or_right(MODULES[name], name, seed) for seed in range(400)]
    assert 40 < sum(refused) < 360


@pytest.mark.parametrize("name", CALLS)
def test_valid_arguments_are_accepted(name):
    for seed in range(20):
        getattr(MODULES[name], name)(*valid_arguments(name, seed)[0])


def positions(*kinds):
    """Each function and argument of those types."""
    return [
        pytest.param(name, at, id=f"{name}-{at}")
        for name in CALLS
        for at, value in enumerate(valid_arguments(name)[0])
        if isinstance(value, kinds) and not isinstance(value, bool)
    ]


OUTPUTS = [p for p in positions(np.ndarray) if p.values[1] in valid_arguments(p.values[0])[1]]


@pytest.mark.parametrize(("name", "at"), positions(np.ndarray))
def test_arrays_of_other_layouts(name, at):
    arguments, _ = valid_arguments(name, SEED)
    assert arguments[at].size
    array = np.repeat(arguments[at], 3, axis=0)
    same = np.lib.stride_tricks.as_strided(array, array.shape, (0,) * array.ndim)
    hostile = [array[::2], array[::-1], same, np.stack([array] * 3)[:, 1:], None, array.tolist()]
    with np.errstate(invalid="ignore"):
        kinds = (object, "M8[s]", "S1", "V8", ">f8", ">i8", "c16")
        hostile += [array.astype(kind) for kind in kinds]
    hostile += [memoryview(array)[::2]] if array.ndim == 1 else []
    for value in hostile:
        with pytest.raises((ValueError, TypeError)):
            getattr(MODULES[name], name)(*arguments[:at], value, *arguments[at + 1 :])


@pytest.mark.parametrize(("name", "at"), OUTPUTS)
def test_outputs_that_are_read_only_or_shared(name, at):
    arguments, _ = valid_arguments(name, SEED)
    out = arguments[at]
    frozen = out.copy()
    frozen.flags.writeable = False
    block = np.zeros(1 << 16, np.uint8)
    for value in (frozen, frozen.tobytes()):
        with pytest.raises((ValueError, TypeError)):
            getattr(MODULES[name], name)(*arguments[:at], value, *arguments[at + 1 :])
    for other, array in enumerate(arguments):
        if isinstance(array, np.ndarray) and other != at:
            # They share one byte: the last of the other array is the first of the output.
            shared = list(arguments)
            for i, start in ((other, 64), (at, 64 + array.nbytes - 1)):
                shared[i] = np.ndarray(arguments[i].shape, arguments[i].dtype, block.data, start)
            shared[other][...] = array
            with pytest.raises(ValueError, match="overlaps"):
                getattr(MODULES[name], name)(*shared)


@pytest.mark.parametrize(("name", "at"), positions(int))
@pytest.mark.parametrize("count", [1 << 63, 1 << 64, (1 << 64) + 4, -(1 << 70), 1.0, "4", None])
def test_counts_that_are_not(name, at, count):
    arguments, _ = valid_arguments(name, SEED)
    with pytest.raises((ValueError, TypeError)):
        getattr(MODULES[name], name)(*arguments[:at], count, *arguments[at + 1 :])


@pytest.mark.parametrize("module", [kernels, fallback])
@pytest.mark.parametrize("width", [0, -1, 1 << 60, 1 << 61, 1 << 62, (1 << 63) - 1, -(1 << 63)])
@pytest.mark.parametrize("kind", "Bbfdt")
def test_widths_that_wrap_around(module, kind, width):
    ends = np.zeros((2, 1), "f" if kind == "t" else kind)
    columns = [np.zeros(1, dtype) for dtype in ("d", "d", np.uint64, "B")]
    arguments = np.zeros(99, np.uint8), np.zeros(1, np.int64), kind, width
    with pytest.raises(ValueError, match="outside"):
        module.compute_stats(*arguments, *ends, *columns)
    if width < 0 or width > 99:
        with pytest.raises(ValueError, match=r"shape|outside"):
            module.gather(*arguments[:2], width, np.zeros((1, 99), np.uint8))


@pytest.mark.parametrize("module", [kernels, fallback])
def test_full_limbs_wrap_around(module):
    limbs = np.full(fallback.LIMBS, np.iinfo(np.int64).max)
    module.add_exactly(np.full(3, 1.5), limbs)
    assert limbs.min() < 0


@pytest.mark.parametrize("module", [tables, table_blocks])
def test_rows_of_an_index_are_whole_and_end_before_its_blocks(module):
    with pytest.raises(ValueError, match=r"five|multiple|reshape"):
        module.decode_handles(b"\1\1", bytes(39), 100)
    assert module.decode_handles(b"\1\1", np.array([0, 1, 0, 2, 0]).tobytes(), -1) is None


def test_a_size_that_snappy_cannot_reach_takes_no_memory():
    # 2**50 bytes are declared, and the limit is higher.
    packed = bytes([*[0x80] * 7, 2]) + b"\x00a"
    buffer = np.frombuffer(sealed(packed, 1), np.uint8)
    arguments = np.array([[0, len(packed)]]), 1 << 60, False, b"", np.zeros((0, 2), np.int64), True
    for module in (tables, table_blocks):
        *_, state = module.decode_blocks(buffer, *arguments)
        assert np.frombuffer(state, np.int64)[0] == table_blocks.SNAPPY_DATA


def test_offsets_that_another_thread_changes():
    """The interpreter's lock is released, so offsets that were checked may change before use."""
    count, width = 60_000, 4096
    source = np.ones(width, np.uint8)
    columns = [np.empty(count, dtype) for dtype in ("B", "B", "d", "d", np.uint64, "B")]
    for _ in range(50):
        offsets = np.zeros(count, np.int64)
        errors = []

        def measure(offsets=offsets, errors=errors):
            try:
                kernels.compute_stats(source, offsets, "B", width, *columns)
            except ValueError as error:
                errors.append(error)

        thread = threading.Thread(target=measure)
        thread.start()
        time.sleep(0.002)
        offsets[:] = 1 << 40
        thread.join()
        if errors:
            break
    assert "outside" in str(errors[0])


@pytest.mark.parametrize("name", CALLS)
def test_dtypes_that_state_the_native_byte_order_are_accepted(name):
    arguments, _ = valid_arguments(name)
    stated = [
        value.view(value.dtype.newbyteorder(sys.byteorder))
        if isinstance(value, np.ndarray)
        else value
        for value in arguments
    ]
    getattr(MODULES[name], name)(*stated)

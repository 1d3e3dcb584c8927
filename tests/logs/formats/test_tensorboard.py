"""Event files: what is read of them, byte by byte."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datascan.errors import DatasetError
from datascan.logs.formats import framing
from datascan.logs.reading import read_log
from tests.builders.event_files import (
    event,
    field,
    masked,
    record,
    scalars,
    simple,
    tensor,
    varint,
    version,
)

NAN, INF = math.nan, math.inf


def log_of(folder, data, name="events.out.tfevents.1700000000.host"):
    file = folder / name
    file.write_bytes(data)
    return read_log(file)


def run_of(folder, *events):
    (run,) = log_of(folder, version() + b"".join(events)).runs
    return run


def test_a_run_of_pytorch(tmp_path):
    data = scalars("train/loss", {0: 2.5, 10: 2.25, 20: NAN, 30: INF})
    data += scalars("train/lr", {0: 0.5, 10: 0.25}) + scalars("val/loss", {10: 2.0})
    run = run_of(tmp_path, data, scalars("accuracy", {10: 0.5}))
    assert (run.iterations, run.losses[:2], run.losses[3]) == ([0, 10, 20, 30], [2.5, 2.25], INF)
    assert math.isnan(run.losses[2])
    assert (run.rate_iterations, run.rates) == ([0, 10], [0.5, 0.25])
    assert (run.unit, run.name, list(run.tests), run.outputs) == (
        "step",
        "train/loss",
        ["val/loss"],
        {},
    )


@pytest.mark.parametrize(
    ("dtype", "content"),
    [
        (1, [field(5, struct.pack("<f", 2.5))]),
        (1, [field(5, 2.5)]),
        (1, [field(4, struct.pack("<f", 2.5))]),
        (2, [field(4, struct.pack("<d", 2.5))]),
        (2, [field(6, struct.pack("<d", 2.5))]),
        (19, [field(4, struct.pack("<e", 2.5))]),
        (19, [field(13, varint(int.from_bytes(struct.pack("<e", 2.5), "little")))]),
        (19, [field(13, int.from_bytes(struct.pack("<e", 2.5), "little"))]),
        (14, [field(4, struct.pack("<f", 2.5)[2:])]),
        (14, [field(13, varint(int.from_bytes(struct.pack("<f", 2.5)[2:], "little")))]),
    ],
)
def test_a_scalar_of_tensorflow_2(tmp_path, dtype, content):
    run = run_of(tmp_path, event(3, tensor("loss", dtype, *content)))
    assert (run.iterations, run.losses) == ([3], [2.5])


@pytest.mark.parametrize("value", [NAN, INF, -INF])
@pytest.mark.parametrize("form", ["f", "d", "e"])
def test_a_tensor_that_is_not_finite(tmp_path, value, form):
    dtype = {"f": 1, "d": 2, "e": 19}[form]
    run = run_of(
        tmp_path, event(0, tensor("loss", dtype, field(4, struct.pack("<" + form, value))))
    )
    assert str(run.losses[0]) == str(value)


def test_whole_numbers(tmp_path):
    for number, dtype in ((7, 3), (10, 9)):
        assert run_of(tmp_path, event(0, tensor("loss", dtype, field(number, 7)))).losses == [7]


@pytest.mark.parametrize(
    "value",
    [
        tensor("loss", 1, field(5, struct.pack("<ff", 1, 2))),
        tensor("loss", 1),
        tensor("loss", 7, field(8, b"text")),
        tensor("loss", 1, field(5, struct.pack("<f", 1)), plugin="histograms"),
        simple("accuracy", 1.0),
        field(1, b"loss") + field(4, b"image"),
    ],
)
def test_values_that_are_no_losses(tmp_path, value):
    with pytest.raises(DatasetError, match="not a training log"):
        log_of(tmp_path, version() + event(0, value))


def test_the_plugin_is_only_named_once(tmp_path):
    body = field(5, struct.pack("<f", 1))
    data = event(0, tensor("loss/hist", 1, body, plugin="histograms"))
    data += event(1, tensor("loss/hist", 1, body, plugin="")) + event(1, simple("loss", 2.0))
    assert list(run_of(tmp_path, data).outputs) == []


def test_a_step_back_begins_a_run(tmp_path):
    data = scalars("loss", {0: 3.0, 10: 2.0}) + scalars("loss", {0: 3.5, 5: 2.5})
    runs = log_of(tmp_path, version() + data).runs
    assert [run.iterations for run in runs] == [[0, 10], [0, 5]]


def test_a_cut_record_is_not_damage(tmp_path):
    data = version() + scalars("loss", {0: 3.0, 10: 2.0})
    for end in range(len(data) - 1, len(data) - len(scalars("loss", {10: 2.0})), -1):
        log = log_of(tmp_path, data[:end])
        assert log.runs[0].losses == [3.0]
        assert not log.damage
        assert len(log.notes) == 1
        assert "is cut off: the run was killed, or is still writing" in log.notes[0]


def test_every_bit_is_covered_by_a_checksum(tmp_path):
    whole = version() + scalars("loss", {0: 3.0, 10: 2.0, 20: 1.0})
    start = len(version() + scalars("loss", {0: 3.0}))
    for place in range(start, start + len(scalars("loss", {10: 2.0}))):
        data = bytearray(whole)
        data[place] ^= 4
        log = log_of(tmp_path, bytes(data))
        assert log.damage[0].startswith(f"byte {start:,}: the checksum of a ")
        assert log.runs[0].losses[0] == 3.0


def test_damage_that_leaves_nothing(tmp_path):
    data = bytearray(version() + scalars("loss", {0: 3.0}))
    data[0] ^= 1
    log = log_of(tmp_path, bytes(data))
    assert log.damage == ("byte 0: the checksum of a length does not match",)
    assert log.runs[0].is_empty


def test_damage_is_not_listed_without_end(tmp_path):
    broken = record(b"x")[:-1] + b"\0"
    log = log_of(tmp_path, version() + broken * 1000 + scalars("loss", {0: 1.0}))
    assert len(log.damage) == framing.MAX_FAULTS
    assert log.runs[0].losses == [1.0]


def test_long_records_are_verified_and_passed_over(tmp_path):
    long = record(field(5, field(1, simple("loss", 9.0) + field(4, b"\0" * (3 << 20)))))
    log = log_of(tmp_path, version() + long + scalars("loss", {0: 1.0}))
    assert (log.runs[0].losses, log.damage) == ([1.0], ())
    broken = bytearray(long)
    broken[1 << 20] ^= 1
    log = log_of(tmp_path, version() + bytes(broken) + scalars("loss", {0: 1.0}))
    assert (log.runs[0].losses, len(log.damage)) == ([1.0], 1)


def test_a_length_beyond_the_file(tmp_path):
    length = struct.pack("<Q", 1 << 62)
    log = log_of(tmp_path, version() + scalars("loss", {0: 1.0}) + length + masked(length))
    assert (log.runs[0].losses, log.damage) == ([1.0], ())
    assert "cut off" in log.notes[0]


@given(st.binary(max_size=200))
def test_any_event_is_read_or_damage(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("events")
    log = log_of(folder, version() + record(content) + scalars("loss", {0: 1.0}))
    assert 1.0 in log.runs[-1].losses


@given(st.binary(max_size=300))
def test_any_bytes_after_the_first_record(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("events")
    log = log_of(folder, version() + scalars("loss", {0: 1.0}) + content)
    assert log.runs[0].losses[0] == 1.0


def test_events_beyond_the_limit(tmp_path, monkeypatch):
    monkeypatch.setattr("datascan.logs.formats.tensorboard.MAX_VALUES", 3)
    log = log_of(tmp_path, version() + scalars("loss", dict.fromkeys(range(9), 1.0)))
    assert log.runs[0].losses == [1.0] * 3
    assert "only the first" in log.notes[0]

"""Event files with checksums that do not match."""

from __future__ import annotations

import datascan
from tests.builders.event_files import record, scalars, version


def findings(tmp_path, data):
    file = tmp_path / "events.out.tfevents.1"
    file.write_bytes(data)
    return [f for f in datascan.scan_log(file).findings if f.rule == "damaged-log"]


def test_a_record_with_a_wrong_checksum(tmp_path):
    data = bytearray(version() + scalars("loss", {0: 2.0, 1: 1.9, 2: 1.8}))
    data[-6] ^= 1
    (found,) = findings(tmp_path, bytes(data))
    place = len(data) - len(scalars("loss", {2: 1.8}))
    assert found.severity == "error"
    assert found.message == f"byte {place:,}: the checksum of a record does not match"


def test_a_length_with_a_wrong_checksum(tmp_path):
    first = version() + scalars("loss", {0: 2.0})
    data = bytearray(first + scalars("loss", {1: 1.0, 2: 0.9}))
    data[len(first)] ^= 1
    (found,) = findings(tmp_path, bytes(data))
    assert found.message == f"byte {len(first):,}: the checksum of a length does not match"


def test_a_record_that_is_not_an_event(tmp_path):
    (found,) = findings(tmp_path, version() + scalars("loss", {0: 2.0}) + record(b"\xff" * 9))
    assert found.message == "not an event: 1 record with good checksums"


def test_healthy_files_and_cut_ones(tmp_path):
    data = version() + scalars("loss", {0: 2.0, 1: 1.9})
    assert findings(tmp_path, data) == []
    assert findings(tmp_path, data[:-3]) == []

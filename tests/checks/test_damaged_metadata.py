"""Images whose metadata is damaged."""

from __future__ import annotations

from datascan.checks.damaged_metadata import DamagedMetadata
from datascan.records.block import Fault
from datascan.testing.blocks import block_of, finding, findings
from tests.builders.images import photo, write_tree
from tests.builders.sessions import findings_of

RULE = "damaged-metadata"
PHRASES = ("has damaged metadata", "have damaged metadata")


def with_stray_bytes(data: bytes) -> bytes:
    end = 4 + int.from_bytes(data[4:6], "big")
    return data[:end] + bytes(18) + data[end:]


def test_bytes_between_segments(tmp_path):
    files = {"a.jpg": photo(), "b.jpg": with_stray_bytes(photo(1))}
    (found,) = findings_of(write_tree(tmp_path, files), RULE)
    assert (found.severity, found.records) == ("warning", 1)
    assert found.message == f"1 of 2 records {PHRASES[0]}"
    (example,) = found.examples
    assert (example.key, example.detail) == (
        "b.jpg",
        "JPEG: 18 bytes before byte 38 belong to no segment",
    )


def test_the_pixels_are_compared_all_the_same(tmp_path):
    data = with_stray_bytes(photo(1))
    folder = write_tree(tmp_path, {"a.jpg": photo(), "b.jpg": data, "c.jpg": data})
    assert findings_of(folder, RULE)[0].records == 2
    assert findings_of(folder, "duplicate-record")[0].records == 1


def test_faults_of_all_blocks_are_added():
    first = block_of(records=3, faults=[Fault(2, RULE, "why"), Fault(0, "empty-record", "x")])
    second = block_of(records=2, faults=[Fault(1, RULE, "how"), Fault(1, RULE, "so")])
    found = finding(DamagedMetadata, first, second)
    assert (found.severity, found.records) == ("warning", 2)
    assert found.message == f"2 of 5 records {PHRASES[1]}"
    assert found.named == {2: "why", 4: "how; so"}


def test_empty_datasets_and_faults_of_other_rules():
    assert findings(DamagedMetadata, block_of(records=0)) == []
    other = block_of(records=1, faults=[Fault(0, "corrupt-image", "why")])
    assert findings(DamagedMetadata, other) == []

from __future__ import annotations

import numpy as np

from datascan.checks.empty_dataset import EmptyDataset
from datascan.scanner.scan import scan
from datascan.testing.blocks import BlockReader, block_of, finding, findings
from tests.checks.test_record_count_mismatch import StopsAtOnce


def test_no_shards_and_shards_without_records():
    for blocks in ([], [block_of(np.zeros((0, 2)))], [block_of(records=0)]):
        said = finding(EmptyDataset, *blocks)
        assert said.severity == "error"
        assert said.message == "the dataset holds 0 records"


def test_a_record_that_cannot_be_read_is_a_record():
    assert findings(EmptyDataset, block_of(records=1)) == []


def test_a_scan_that_was_stopped_cannot_tell():
    reader = BlockReader([[block_of(records=0)], [block_of(records=1)]])
    scanned = scan(reader, [EmptyDataset()], StopsAtOnce())
    assert scanned.issues == ()

from __future__ import annotations

import numpy as np

from datascan.checks.reader_crash import ReaderCrash
from datascan.records.block import Fault
from datascan.testing.blocks import block_of, finding, findings


def test_faults_of_all_blocks_are_added():
    first = block_of(
        records=3, faults=[Fault(2, "reader-crash", "why"), Fault(0, "nan-value", "no")]
    )
    second = block_of(
        records=2, faults=[Fault(0, "reader-crash", "how"), Fault(0, "reader-crash", "so")]
    )
    said = finding(ReaderCrash, first, second)
    assert said.severity == "error"
    assert said.message == "2 of 5 records crashed the reader or exceeded its limits"
    assert said.records == 2
    assert said.named == {2: "why", 3: "how; so"}


def test_one_record():
    block = block_of(records=2, faults=[Fault(1, "reader-crash", "why")])
    assert (
        finding(ReaderCrash, block).message
        == "1 of 2 records crashed the reader or exceeded its limits"
    )


def test_faults_of_other_rules_and_healthy_records():
    other = block_of(records=1, faults=[Fault(0, "corrupt-image", "why")])
    assert findings(ReaderCrash, other, block_of(np.zeros((2, 2)))) == []

from __future__ import annotations

import numpy as np
import pytest

from datascan.checks.key_gap import KeyGap
from datascan.records.block import Fault
from datascan.testing.blocks import block_of, finding, findings


def keyed(numbers, prefix="", **more):
    return block_of(records=len(numbers), numbers=numbers, prefix=prefix, **more)


def test_numbers_that_are_missing():
    present = [*range(17), *range(20, 100), *range(121, 300)]
    said = finding(KeyGap, keyed(present[:40]), keyed(present[40:]))
    assert said.severity == "warning"
    assert said.records == 0
    assert said.message == (
        "24 numbers are missing in 2 places between 0 and 299: "
        "17..19 (3 numbers), 100..120 (21 numbers)"
    )
    assert said.details == ("17..19 (3 numbers)", "100..120 (21 numbers)")


def test_a_single_number_at_the_edge_of_two_blocks():
    said = finding(KeyGap, keyed([1, 2, 3], "img"), keyed([5, 6], "img"))
    assert said.message == "1 number is missing in 1 place between 1 and 6: 4"


def test_numbers_in_the_order_of_their_texts():
    numbers = sorted((n for n in range(1, 1001) if n != 500), key=str)
    said = finding(KeyGap, keyed(numbers[:300]), keyed(numbers[300:]))
    assert said.details == ("500",)


def test_at_most_twenty_places_are_named():
    numbers = [n for n in range(400) if n % 10]
    said = finding(KeyGap, keyed(numbers))
    assert said.message == (
        "39 numbers are missing in 39 places between 1 and 399: 10, 20, 30 and 36 more"
    )
    assert len(said.details) == 20


@pytest.mark.parametrize(
    "numbers",
    [
        range(300),
        range(1, 301),
        range(5000, 5300),
        [0, 9],
        range(0, 200, 2),
        [*range(50), 10**6],
        [*range(50), 20, 60],
        np.random.default_rng(0).integers(0, 10**9, 300),
        [3, 3, 3, 7, 7],
    ],
    ids=["from 0", "from 1", "from 5000", "two", "even", "far", "repeated", "hashes", "copies"],
)
def test_keys_that_are_whole_or_not_numbered(numbers):
    assert findings(KeyGap, keyed(np.array(numbers))) == []


def test_keys_of_another_form():
    few = np.array([*range(100), *range(101, 300)])
    some = few.copy()
    some[:6] = -1
    assert len(findings(KeyGap, keyed(few))) == 1
    assert findings(KeyGap, keyed(some)) == []
    assert findings(KeyGap, keyed(few, "a"), keyed(few, "b")) == []
    assert findings(KeyGap, block_of(np.zeros((3, 2)))) == []


def test_a_record_whose_key_was_never_seen_may_be_the_missing_one():
    crashed = block_of(records=1, faults=[Fault(0, "reader-crash", "SIGSEGV")])
    before, after = keyed(range(200)), keyed(range(201, 300))
    assert findings(KeyGap, before, crashed, after) == []
    assert findings(KeyGap, before, crashed, keyed(range(202, 300)))[0].details == (
        "200..201 (2 numbers)",
    )


def test_as_many_gaps_as_pairs_of_numbers():
    pairs = [number for number in range(60) if number % 3]
    assert len(findings(KeyGap, keyed(pairs))) == 1
    assert findings(KeyGap, keyed([0, 2, 4])) == []
    assert len(findings(KeyGap, keyed([0, 2, 4, 5]))) == 1

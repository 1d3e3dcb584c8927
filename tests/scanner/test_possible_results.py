"""Results from a checkpoint that cannot be true are refused before they are evaluated."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from datascan.checks.constant_feature import ConstantFeatures, FeatureGroup
from datascan.metrics.base import Concatenated, ExactSum, Flagged, Highest, Lowest, TallyMap
from datascan.metrics.duplicates import FingerprintTally
from datascan.metrics.faults import FaultTally
from datascan.metrics.labels import LabelTally
from datascan.metrics.shapes import RecordKind, ShapeTally
from datascan.metrics.values import ValueTally
from datascan.scanner.forms import MAX_DIMENSIONS, DamagedError
from datascan.scanner.guard import GuardedTally
from datascan.scanner.possible_results import (
    MAX_COUNT,
    MAX_RECORDS,
    MAX_SUM_BITS,
    check_pieces,
    count_values,
)
from datascan.scanner.tasks import PartialResult

SHARD = 2
BASE = SHARD << 32
RECORDS = 5


def joined(*values, dtype=np.int64) -> Concatenated:
    return Concatenated((np.array(values, dtype),))


def flagged(addresses, facts=("a",), dtype=object) -> Flagged:
    return Flagged(joined(*addresses), joined(*facts, dtype=dtype))


def check(tally, name="metric") -> None:
    """Check a result of two pieces, the second of which has this tally."""
    pieces = [
        PartialResult(joined(SHARD), joined(3), 0, TallyMap({})),
        PartialResult(joined(SHARD), joined(RECORDS), 0, TallyMap({name: tally})),
    ]
    check_pieces(SHARD, pieces)


def refuse(tally, why: str, name="metric") -> None:
    with pytest.raises(DamagedError, match=why):
        check(tally, name)


def test_addresses_are_in_their_shard():
    check(flagged([BASE, BASE + 7], ["a", "b"]))
    for address in (BASE - 1, BASE + 8, 0, -1):
        refuse(flagged([address]), "an address is not in its shard")
    refuse(flagged([BASE, BASE + 8], ["a", "b"]), "an address is not in its shard")


def test_addresses_are_whole_numbers():
    facts = joined("a", dtype=object)
    for wrong in (np.array([float(BASE)]), np.array([[BASE]]), np.array([BASE], np.uint64)):
        refuse(Flagged(Concatenated((wrong,)), facts), "addresses are not numbers")


def test_each_address_has_a_fact():
    refuse(flagged([BASE], ["a", "b"]), "facts do not match")


def test_faults_have_texts():
    check(TallyMap({"rule": FaultTally(flagged([BASE]), ())}))
    wrong = FaultTally(flagged([BASE], [1], np.int64), ())
    refuse(TallyMap({"rule": wrong}), "a fault has no text")
    refuse(TallyMap({"rule": FaultTally(flagged([1]), ())}), "an address is not in its shard")


WHOLE, ALL = np.zeros(RECORDS), np.ones(RECORDS, bool)


def labels(values=WHOLE, present=ALL, unlabeled=()) -> LabelTally:
    return LabelTally(Concatenated((values,)), Concatenated((present,)), joined(*unlabeled))


def test_every_record_has_a_label_or_none():
    check(labels(unlabeled=[BASE]))
    why = "labels do not match the records"
    refuse(labels(values=np.zeros(4)), why)
    refuse(labels(present=np.ones(6, bool)), why)
    refuse(labels(np.zeros(4), np.ones(4, bool)), why)
    refuse(labels(values=np.zeros((RECORDS, 1))), why)
    refuse(labels(values=np.zeros(RECORDS, object)), "labels are not numbers")
    refuse(labels(present=np.ones(RECORDS)), "labels are not numbers")
    refuse(labels(unlabeled=[1]), "an address is not in its shard")


def test_every_record_has_a_fingerprint():
    prints = np.zeros(RECORDS, np.uint64)
    check(FingerprintTally(Concatenated((prints,)), 0))
    for wrong in (prints[:4], prints.astype(np.int64), prints.reshape(-1, 1)):
        refuse(FingerprintTally(Concatenated((wrong,)), 0), "fingerprints do not match")


VALUES = ValueTally(Lowest(0.0), Highest(1.0), ExactSum(5), ExactSum(5), 5, 0, 0, 0, Highest(3.0))


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"count": -1}, "a number of values is impossible"),
        ({"nan": -1}, "a number of values is impossible"),
        ({"inf": MAX_COUNT}, "a number of values is impossible"),
        ({"approximate": MAX_COUNT}, "a number of values is impossible"),
        ({"longest": Highest(-1.0)}, "the length of a record is impossible"),
        ({"longest": Highest(float(MAX_COUNT))}, "the length of a record is impossible"),
        ({"longest": Highest(float("nan"))}, "the length of a record is impossible"),
        ({"total": ExactSum(1 << MAX_SUM_BITS - 1)}, "a sum is impossible"),
        ({"total": ExactSum(-(1 << MAX_SUM_BITS))}, "a sum is impossible"),
        ({"squares": ExactSum(1 << MAX_SUM_BITS)}, "a sum is impossible"),
        ({"squares": ExactSum(-1)}, "a sum of squares is negative"),
        ({"low": Lowest(float("nan"))}, "a range is impossible"),
        ({"high": Highest(float("nan"))}, "a range is impossible"),
    ],
)
def test_figures_that_no_values_have(changes, why):
    refuse(replace(VALUES, **changes), why)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"count": 0, "nan": MAX_COUNT - 1},
        {"total": ExactSum(-5)},
        {"total": ExactSum(None), "squares": ExactSum(None)},
        {"total": ExactSum((1 << MAX_SUM_BITS - 1) - 1)},
        {"squares": ExactSum(0)},
        {"longest": Highest(0.0)},
        {"low": Lowest(float("inf")), "high": Highest(float("-inf"))},
    ],
)
def test_figures_that_are_possible(changes):
    check(replace(VALUES, **changes))


def places(*rows, dtype=np.int64) -> TallyMap:
    """Hits in records of six values: count, first place, bits."""
    facts = np.array(rows, dtype)
    found = Flagged(joined(*range(BASE, BASE + len(rows))), Concatenated((facts,)))
    return TallyMap({("data", (2, 3), True): found})


def test_values_are_in_their_record():
    check(places((1, 0, 0), (6, 5, 0)))
    for wrong in ((0, 0, 0), (7, 0, 0), (1, -1, 0), (1, 6, 0)):
        refuse(places(wrong), "a value is not in its record")
    refuse(places((1, 0)), "a value has no place")
    refuse(places((1, 0, 0), dtype=np.float64), "a value has no place")
    refuse(TallyMap({("data", (0,), True): flagged([BASE])}), "a shape is impossible")


def runs(*rows, dtype=np.int64) -> TallyMap:
    return TallyMap({"prefix": Concatenated((np.array(rows, dtype),))})


def test_keys_have_numbers():
    check(runs((0, 5), (7, 9)))
    refuse(runs((-1, 5)), "a key has no number")
    refuse(runs((0, 5, 6)), "keys have no numbers")
    refuse(runs((0, 5), dtype=np.float64), "keys have no numbers")


GROUP = FeatureGroup("data", True, (3, 8, 8), "uint8", 0)


def features(*numbers, records=5, group=GROUP, values=None, dtype=np.int64) -> TallyMap:
    values = np.zeros(len(numbers)) if values is None else values
    return TallyMap({group: ConstantFeatures(records, np.array(numbers, dtype), values)})


def test_constant_features_exist():
    check(features(0, 2))
    check(features())
    check(features(191, group=replace(GROUP, axis=None)))
    check(features(1, records=MAX_RECORDS - 1))
    for numbers in ((3,), (-1,), (2, 0), (1, 1)):
        refuse(features(*numbers), "a feature does not exist")
    refuse(features(192, group=replace(GROUP, axis=None)), "a feature does not exist")
    for records in (0, -1, MAX_RECORDS):
        refuse(features(records=records), "a group has no records")
    for axis in (3, -1):
        refuse(features(group=replace(GROUP, axis=axis)), "a group has no channels")
    refuse(features(group=replace(GROUP, shape=(3, 0, 8))), "a shape is impossible")
    refuse(features(1, dtype=np.float64), "features have no numbers")
    refuse(features(1, values=np.zeros(2)), "features do not match")
    refuse(features(1, values=np.zeros(1, object)), "features do not match")


KIND = RecordKind((2,), "uint8", "")


def shapes(*rows, kinds=(KIND,), dtype=np.int64) -> ShapeTally:
    return ShapeTally(kinds, Concatenated((np.array(rows, dtype),)))


def test_runs_of_shapes():
    check(shapes((0, BASE, 8)))
    check(shapes((0, BASE, 1), (1, BASE + 7, 1), kinds=(KIND, KIND)))
    for wrong in ((1, BASE, 1), (-1, BASE, 1)):
        refuse(shapes(wrong), "a run has no kind")
    for length in (0, -1, MAX_RECORDS):
        refuse(shapes((0, BASE, length)), "a run has no records")
    for wrong in ((0, BASE, 9), (0, BASE + 8, 1), (0, BASE - 1, 1)):
        refuse(shapes(wrong), "an address is not in its shard")
    refuse(shapes((0, BASE)), "no runs")
    refuse(shapes((0, BASE, 1), dtype=np.float64), "no runs")
    refuse(shapes(), "no runs")


def test_shapes_of_records():
    assert count_values(()) == 1
    assert count_values((2, 3, 4)) == 24
    assert count_values((MAX_COUNT - 1,)) == MAX_COUNT - 1
    assert count_values((1,) * MAX_DIMENSIONS) == 1
    for shape in ((0,), (-1, -2), (MAX_COUNT,), (1 << 30, 1 << 23), (1,) * (MAX_DIMENSIONS + 1)):
        with pytest.raises(DamagedError, match="a shape is impossible"):
            count_values(shape)


def test_tallies_of_other_packages_are_left_to_their_guard():
    check(GuardedTally(flagged([1])))

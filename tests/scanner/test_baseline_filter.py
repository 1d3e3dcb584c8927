"""What is accepted of a finding: records by key, everything else by what it is; the rest fails."""

from __future__ import annotations

import os
from datetime import date
from itertools import pairwise

import numpy as np
import pytest

from datascan.checks.base import MAX_LOCATIONS
from datascan.checks.batch_label_gap import BatchLabelGap
from datascan.checks.constant_feature import ConstantFeature
from datascan.checks.damaged_store import DamagedStore
from datascan.checks.empty_class import EmptyClass
from datascan.checks.label_shift import LabelShift
from datascan.checks.reader_crash import ReaderCrash
from datascan.checks.record_count_change import RecordCountChange
from datascan.checks.record_count_mismatch import RecordCountMismatch
from datascan.checks.truncated_store import TruncatedStore
from datascan.config.baseline import Baseline, BaselineEntry
from datascan.config.expectations import Expectations
from datascan.config.options import Options
from datascan.records.block import Fault
from datascan.scanner.baseline_filter import BaselineFilter, is_acceptable, make_entries
from datascan.scanner.scan import scan
from datascan.testing.blocks import BlockReader, block_of
from tests.builders.hdf5 import numbers, write_hdf5
from tests.builders.judged import judgement, scanned_of
from tests.builders.lmdb import numbered, random_datums, write_lmdb
from tests.builders.sessions import scan_of

TODAY = date(2026, 6, 15)
WHOLE = block_of(np.zeros((10, 2)))


def judged(check, block=WHOLE, plan=None, **options):
    """A scan of a block by one check."""
    return scan(BlockReader([[block]], plan, **options), [check()])


def accepted_of(scanned):
    """A baseline that accepts everything in a scan."""
    entries = make_entries(
        [one for one in scanned.issues if is_acceptable(one, [])], scanned, "known", None
    )
    assert all(entry.keys or entry.hashes or entry.about for entry in entries)
    return Baseline(os.devnull, tuple(entries), TODAY)


def parts(scanned, baseline):
    """Judgements that are not accepted, and those that are."""
    cut = BaselineFilter(baseline).apply(scanned).issues
    return (
        [one for one in cut if one.accepted is None],
        [one for one in cut if one.accepted is not None],
    )


def faults(rule, *places, rows=()):
    """A block of ten records with these faults: details, or pairs with the records lost."""
    pairs = [place if isinstance(place, tuple) else (place, 0) for place in places]
    found = [Fault(None, rule, detail, lost) for detail, lost in pairs]
    found += [Fault(row, rule, "torn") for row in rows]
    return block_of(np.zeros((10, 2)), faults=found)


def labelled(labels):
    """A block of records with these labels."""
    return block_of(np.arange(len(labels) * 2.0).reshape(-1, 2), labels=np.array(labels))


def without(*classes):
    """Records of the classes 0 to 99 but these."""
    return labelled([label for label in range(100) if label not in classes] * 2)


def with_constants(count):
    """Ten records of sixty features, of which the first ``count`` are constant."""
    values = numbers(10, 60)
    values[:, :count] = 7
    return block_of(values)


SAME = {
    "a place": (TruncatedStore, faults("truncated-store", "page 3")),
    "a record": (DamagedStore, faults("damaged-store", rows=[2])),
    "both": (DamagedStore, faults("damaged-store", "page 3", ("page 4", 5), rows=[2])),
    "equal places": (ReaderCrash, faults("reader-crash", "killed", "killed")),
    "a very long list": (DamagedStore, faults("damaged-store", *map(str, range(3000)))),
    "classes": (EmptyClass, without(*range(30))),
    "features": (ConstantFeature, with_constants(30)),
    "batch sizes": (BatchLabelGap, labelled([0] * 50 + [1] * 50)),
}


@pytest.mark.parametrize("name", SAME)
def test_the_same_again_is_accepted(name):
    check, block = SAME[name]
    scanned = judged(check, block)
    before = scanned.issues
    baseline = accepted_of(scanned)
    assert before
    new, old = parts(scanned, baseline)
    assert new == []
    assert [one.records for one in old] == [one.records for one in before]
    assert [one.details for one in old] == [one.details for one in before]


@pytest.mark.parametrize(
    ("check", "before", "after", "reported", "records"),
    [
        (
            DamagedStore,
            faults("damaged-store", rows=[2]),
            faults("damaged-store", ("page 9", 4), rows=[2]),
            "1 of 2 not accepted",
            4,
        ),
        (
            DamagedStore,
            faults("damaged-store", "page 3", rows=[2]),
            faults("damaged-store", "page 3", rows=[2, 5]),
            "1 of 3 not accepted",
            1,
        ),
        (
            TruncatedStore,
            faults("truncated-store", ("page 3", 4)),
            faults("truncated-store", ("page 3", 5)),
            "page 3",
            5,
        ),
        (
            ReaderCrash,
            faults("reader-crash", "killed"),
            faults("reader-crash", "killed", "killed"),
            "1 of 2 not accepted (killed)",
            0,
        ),
        (
            DamagedStore,
            faults("damaged-store", *map(str, range(3000))),
            faults("damaged-store", *map(str, range(1, 3001))),
            "1 and 2,999 more",
            0,
        ),
        (
            DamagedStore,
            faults("damaged-store", *(f"page {i}" for i in range(25))),
            faults("damaged-store", *(f"page {i}" for i in range(27))),
            "2 of 27 not accepted (page 25 and 1 more)",
            0,
        ),
        (EmptyClass, without(*range(30)), without(*range(30), 70), "class 70 has no record", 0),
        (ConstantFeature, with_constants(30), with_constants(31), "feature [30] is always 7", 0),
    ],
)
def test_what_is_new_fails_and_the_rest_does_not(check, before, after, reported, records):
    new, _ = parts(judged(check, after), accepted_of(judged(check, before)))
    (only,) = new
    assert reported in only.message
    assert only.records == records


def test_nothing_is_told_or_counted_twice():
    before = faults("damaged-store", "page 1", ("page 2", 3), rows=[1])
    after = faults("damaged-store", "page 1", ("page 2", 3), ("page 3", 4), rows=[1, 2])
    whole = judged(DamagedStore, after)
    (new,), (old,) = parts(whole, accepted_of(judged(DamagedStore, before)))
    assert (new.records, old.records) == (5, 4)
    assert new.records + old.records == whole.issues[0].records
    assert (new.details, old.details) == (("page 3",), ("page 1", "page 2"))
    assert new.flagged.facts.array.tolist() == old.flagged.facts.array.tolist() == ["torn"]


def test_records_out_of_reach_are_accepted_by_their_number():
    block = faults("damaged-store", "page 3")
    baseline = accepted_of(judged(DamagedStore, block, {"store_count": 30}))
    assert parts(judged(DamagedStore, block, {"store_count": 30}), baseline)[0] == []
    (new,), (old,) = parts(judged(DamagedStore, block, {"store_count": 31}), baseline)
    assert (new.records, old.records) == (21, 0)
    assert "21 records out of reach" in new.message


@pytest.mark.parametrize("many", [25, MAX_LOCATIONS + 5])
def test_missing_numbers_one_by_one_and_as_a_whole(tmp_path, many):
    values = random_datums(4 * many + 10, (1, 1, 3))

    def report(missing, baseline=None):
        path = tmp_path / f"{len(missing)}"
        if not path.exists():
            entries = numbered(values)
            write_lmdb(path, {k: v for k, v in entries.items() if int(k) not in missing})
        options = Options.from_keywords(select=("key-gap",), workers=0, baseline=baseline)
        return scan_of(path, options)

    missing = {4 * i + 2 for i in range(many)}
    baseline = accepted_of(report(missing)[1])
    (entry,) = baseline.entries
    assert len(entry.about) == (many if many <= MAX_LOCATIONS else 1)
    assert [f.accepted is None for f in report(missing, baseline)[0].findings] == [False]
    reported = report(missing | {4 * many + 4}, baseline)[0].findings
    assert reported[0].accepted is None
    if many <= MAX_LOCATIONS:
        assert reported[0].message.startswith(f"1 of {many + 1} not accepted ({4 * many + 4}): ")
        assert reported[0].examples == [] or reported[0].examples[0].detail == str(4 * many + 4)


def test_more_classes_than_memory_holds():
    def scanned(block, count=10**12):
        return judged(EmptyClass, block, num_classes=count)

    baseline = accepted_of(scanned(labelled([0, 1, 2] * 3)))
    assert parts(scanned(labelled([0, 1, 2] * 5)), baseline)[0] == []
    assert parts(scanned(labelled([0, 1] * 5)), baseline)[0]
    assert parts(scanned(labelled([0, 1, 2] * 3), 10**12 + 1), baseline)[0]


def test_very_many_features_are_one():
    values = numbers(4, 1500)
    values[:, :1200] = 3
    baseline = accepted_of(judged(ConstantFeature, block_of(values)))
    assert [len(entry.about) for entry in baseline.entries] == [1]
    assert parts(judged(ConstantFeature, block_of(values[::-1].copy())), baseline)[0] == []
    for change in (4, -1):
        other = values.copy()
        other[:, 1200 + change] = 9
        assert parts(judged(ConstantFeature, block_of(other)), baseline)[0], change


def expectations(tmp_path):
    """Half of the records are of each class; there are forty of them."""
    file = tmp_path / "e.toml"
    file.write_text(
        'format = "datascan-expectations/1"\n'
        "[records]\ncount = 40\ntolerance = 0.1\n"
        "[labels]\nshift = 0.05\n[labels.shares]\n0 = 0.5\n1 = 0.5\n"
    )
    return Expectations.read(file)


@pytest.mark.parametrize("check", [LabelShift, RecordCountChange])
def test_another_number_is_another_finding(tmp_path, check):
    expect = expectations(tmp_path)
    series = [judged(check, labelled([0] * n + [1] * 10), expect=expect) for n in (50, 51, 90)]
    for before, after in pairwise(series):
        assert parts(before, accepted_of(before))[0] == []
        assert len(parts(after, accepted_of(before))[0]) == 1


def test_another_stated_number_is_another_finding():
    def scanned(stated):
        return judged(RecordCountMismatch, WHOLE, {"declared_count": ("num-samples", stated)})

    baseline = accepted_of(scanned(500))
    assert parts(scanned(500), baseline)[0] == []
    assert parts(scanned(501), baseline)[0]


def test_a_gap_that_got_worse_stays_accepted_and_another_batch_size_does_not():
    few, many = labelled([0] * 20 + [1] * 80), labelled([0] * 2 + [1] * 98)
    baseline = accepted_of(judged(BatchLabelGap, few, batch_sizes=(8,)))
    assert parts(judged(BatchLabelGap, many, batch_sizes=(8,)), baseline)[0] == []
    new, old = parts(judged(BatchLabelGap, many, batch_sizes=(8, 16)), baseline)
    assert [one.about for one in new] == ["batch size 16"]
    assert [one.about for one in old] == ["batch size 8"]


def test_an_entry_that_names_nothing_accepts_nothing():
    baseline = Baseline(
        os.devnull, (BaselineEntry("truncated-store", "x"), BaselineEntry("nan-value", "x")), TODAY
    )
    assert len(parts(judged(TruncatedStore, faults("truncated-store", "a")), baseline)[0]) == 1
    empty = scanned_of(judgement("nan-value", "error"))
    assert len(parts(empty, baseline)[0]) == 1


def test_findings_about_layers_are_accepted_by_the_layer():
    found = scanned_of(
        judgement("unscaled-input", "warning", message="layer a: /here/x", keys=("a",)),
        judgement("unscaled-input", "warning", message="layer b: /here/x", keys=("b",)),
    )
    baseline = Baseline(os.devnull, (BaselineEntry("unscaled-input", "x", about=("a",)),), TODAY)
    new, old = parts(found, baseline)
    assert ([one.keys for one in new], [one.keys for one in old]) == ([("b",)], [("a",)])


def test_an_end_is_told_of_what_had_one():
    past = date(2026, 6, 1)
    entries = (
        BaselineEntry("nan-value", "x", None, ("a", "b")),
        BaselineEntry("nan-value", "x", past, ("b", "d")),
    )
    found = scanned_of(judgement("nan-value", "error", (0, 0), (0, 1), (2, 0)))
    (new,), (old,) = parts(found, Baseline(os.devnull, entries, TODAY))
    assert "was accepted until 2026-06-01" in new.message
    assert "until" not in old.message
    (new,), _ = parts(
        found,
        Baseline(os.devnull, (entries[0], BaselineEntry("nan-value", "x", past, ("b",))), TODAY),
    )
    assert "until" not in new.message


def test_names_that_are_no_unicode():
    block = faults("damaged-store", "file \udcff.h5")
    scanned = judged(DamagedStore, block)
    baseline = accepted_of(scanned)
    baseline.entries[0].about[0].encode()
    assert parts(scanned, baseline)[0] == []


def test_lengths_that_differ(tmp_path):
    def report(baseline, labels):
        path = write_hdf5(tmp_path / "a.h5", data=numbers(60, 4), label=np.arange(labels) % 3)
        options = Options.from_keywords(baseline=baseline, workers=0, select=("length-mismatch",))
        return scan_of(path, options)

    reported, scanned = report(None, 55)
    assert not reported.passed
    baseline = accepted_of(scanned)
    assert report(baseline, 55)[0].passed
    assert not report(baseline, 54)[0].passed

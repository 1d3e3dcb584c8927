"""Which records are examples of a finding: spread over the dataset, worst first."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datascan.checks.nan_value import NanValue
from datascan.report.build import build_report
from datascan.report.examples import choose_examples
from datascan.scanner.scan import scan
from tests.builders.plain import PlainReader


def test_examples_are_spread_and_not_the_first():
    chosen = choose_examples(np.arange(5_000, 8_000), None)
    assert chosen.tolist() == list(range(0, 3_000, 150))


def test_few_records_are_all_examples_worst_first():
    addresses = np.array([50, 10, 30])
    assert choose_examples(addresses, None).tolist() == [1, 2, 0]
    assert choose_examples(addresses, np.array([2.0, 1.0, 2.0])).tolist() == [2, 0, 1]


@given(st.lists(st.sampled_from([0.0, 0.25, 1.0]), min_size=1, max_size=200), st.randoms())
def test_the_worst_is_first_and_every_stretch_has_an_example(badness, random):
    order = list(range(len(badness)))
    random.shuffle(order)
    addresses, worth = np.array(order) * 7, np.array(badness)
    chosen = choose_examples(addresses, worth)
    assert len(chosen) == len(set(chosen.tolist())) == min(20, len(badness))
    found = worth[chosen]
    assert found[0] == worth.max()
    assert (np.diff(found) <= 0).all()
    ranks = np.sort(np.argsort(np.argsort(addresses))[chosen])
    if len(badness) > 20:
        edges = np.arange(20) * len(badness) // 20
        assert (np.searchsorted(edges, ranks, side="right") == np.arange(1, 21)).all()


@pytest.mark.parametrize("rows", [7, 50, 1_000])  # shards of other sizes
def test_records_with_more_bad_values_come_first(rows):
    values = np.random.default_rng(0).normal(size=(400, 8)).astype(np.float32)
    values[::4, 1] = np.nan
    values[[100, 300], :6] = np.nan
    values[200] = np.nan
    found = scan(PlainReader(values, np.arange(400) % 4, rows=rows), [NanValue()])
    (finding,) = build_report(found, version="1").findings
    assert [e.index for e in finding.examples[:4]] == [200, 100, 300, 0]
    assert finding.examples[0].detail.startswith("8 of 8 values")
    assert len(finding.examples) == 20
    assert max(e.index for e in finding.examples) > 350

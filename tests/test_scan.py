"""The report does not depend on how a dataset is cut, nor on how many workers read it."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datascan.discovery import classes
from datascan.model import Check
from datascan.reporting import report_of
from datascan.scanning import Stop, scan
from tests.building.plain import PlainReader

CHECKS = [kind() for kind in classes("checks", Check)]


def report(reader):
    text = report_of(scan(reader, CHECKS), version="test").to_json()
    return [line for line in text.splitlines() if "elapsed_seconds" not in line]


@st.composite
def datasets(draw):
    """Float rows with NaN, Inf, copies and constant records among them, and odd labels."""
    count = draw(st.integers(1, 60))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    values = (random.normal(size=(count, 5)) * 10.0 ** random.integers(-9, 9, (count, 1))).astype(
        draw(st.sampled_from([np.float32, np.float64]))
    )
    for row in draw(st.lists(st.integers(0, count - 1), max_size=6)):
        values[row, row % 5] = draw(st.sampled_from([np.nan, np.inf, -np.inf, 1e30, -0.0]))
    for row in draw(st.lists(st.integers(0, count - 1), max_size=6)):
        values[row] = values[draw(st.integers(0, count - 1))]
    if draw(st.booleans()):
        values[:, 2] = 7
    labels = random.integers(-1, 4, count)
    return values, labels.astype(draw(st.sampled_from([np.int8, np.int64, np.float32])))


@settings(max_examples=60, deadline=None)
@given(datasets(), st.integers(1, 70), st.integers(1, 70))
def test_any_shard_size_gives_the_same_report(dataset, one, other):
    assert report(PlainReader(*dataset, rows=one)) == report(PlainReader(*dataset, rows=other))


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(datasets(), st.integers(1, 20))
def test_any_number_of_workers_gives_the_same_report(dataset, rows):
    alone = report(PlainReader(*dataset, rows=rows, workers=0))
    for workers in (1, 2, 7):
        assert report(PlainReader(*dataset, rows=rows, workers=workers)) == alone


class StopsAfter:
    """Ends the scan once so many records were read."""

    def __init__(self, records):
        self.records = records

    def begin(self, plan):
        pass

    def update(self, records, nbytes):
        if records >= self.records:
            raise Stop

    def say(self, text):
        pass


def test_a_scan_that_is_stopped_reports_what_it_saw():
    values = np.random.default_rng(0).normal(size=(100, 4)).astype(np.float32)
    values[3, 1] = np.nan
    values[93, 1] = np.nan
    result = scan(PlainReader(values, np.arange(100) % 3, rows=10), CHECKS, StopsAfter(50))
    assert not result.dataset.complete
    assert 0 < result.dataset.records < 100
    (nan,) = (judged for judged in result.judgements if judged.rule == "nan-value")
    assert nan.records == 1

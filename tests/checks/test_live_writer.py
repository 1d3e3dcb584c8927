"""The finding about another process that writes to the dataset."""

from __future__ import annotations

import numpy as np
import pytest

from datascan.checks.live_writer import LiveWriter
from datascan.config.options import Options
from datascan.metrics.base import DatasetSummary, TallyMap, metric_name
from datascan.metrics.faults import FaultTally, Flagged, measure_faults
from datascan.records.shard import Plan, Shard
from datascan.records.writer import REACH, Writer


def issues_of(writer, *, rows=(), places=()):
    facts = np.array([f"row {row}" for row in rows], object)
    tally = FaultTally(Flagged.of(np.array(rows, np.int64), facts), tuple(places))
    tallies = {metric_name(measure_faults): TallyMap({"live-writer": tally})}
    plan = Plan(shards=(Shard(0, None),), layout="by hand", nbytes=0)
    dataset = DatasetSummary(
        plan, Options(), np.array([10]), tallies if rows or places else {}, writer=writer
    )
    return list(LiveWriter().evaluate(None, dataset))


def test_no_writer_no_finding():
    assert issues_of(None) == []


@pytest.mark.parametrize(
    ("rules", "severity", "words"),
    [((), "info", "consistent"), (REACH, "warning", "partly old and partly new")],
)
def test_nothing_was_lost(rules, severity, words):
    (issue,) = issues_of(Writer("it is written", rules))
    assert issue.severity == severity
    assert issue.message.startswith("it is written: ")
    assert words in issue.message


@pytest.mark.parametrize(
    ("rows", "places", "words"),
    [
        ((3,), (), "1 record"),
        ((3, 5), [("a page", 0)], "2 records and 1 place"),
        ((), [("a page", 0), ("a log", 0)], "2 places"),
    ],
)
def test_what_could_not_be_read_is_counted(rows, places, words):
    (issue,) = issues_of(Writer("it is written", REACH), rows=rows, places=places)
    assert issue.severity == "error"
    assert issue.message == f"it is written: {words} could not be read"
    assert issue.records == len(rows)

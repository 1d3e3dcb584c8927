"""Issues of checks, and the locations that identify them in a baseline."""

from __future__ import annotations

import numpy as np

from datascan.checks.base import (
    MAX_EXAMPLES,
    MAX_LOCATIONS,
    Location,
    locations_from,
    summarize_locations,
)
from datascan.checks.empty_dataset import EmptyDataset
from datascan.config.options import Severity
from datascan.metrics.base import Flagged


def test_a_dataset_issue_has_the_defaults_of_its_rule():
    issue = EmptyDataset().dataset_issue("no records")
    assert (issue.rule, issue.severity, issue.fix) == (
        "empty-dataset",
        Severity.ERROR,
        EmptyDataset.fix,
    )
    assert (issue.records, issue.flagged, issue.details, issue.locations) == (0, None, (), ())


def test_a_dataset_issue_may_differ_from_its_rule():
    details = [f"part {i}" for i in range(MAX_EXAMPLES + 1)]
    issue = EmptyDataset().dataset_issue(
        "x", about="y", fix="z", severity=Severity.INFO, records=3, details=details
    )
    assert (issue.about, issue.fix, issue.severity, issue.records) == ("y", "z", Severity.INFO, 3)
    assert issue.details == tuple(details[:MAX_EXAMPLES])


def test_a_record_issue_counts_its_records():
    flagged = Flagged.of(np.array([3, 7]), np.array([1.5, 2.5]))
    issue = EmptyDataset().record_issue(flagged, "x", "value {}".format)
    assert issue.records == 2
    assert [issue.describe(fact) for fact in flagged.facts.array] == ["value 1.5", "value 2.5"]


def test_a_few_locations_are_kept_apart():
    assert locations_from(["a", "b"], 2, b"whole") == (Location("a", "a"), Location("b", "b"))
    assert locations_from([], 0, b"whole") == ()


def test_many_locations_become_one_that_changes_with_the_data():
    count = MAX_LOCATIONS + 1
    (one,) = locations_from(iter(()), count, b"abc")
    assert one == Location(summarize_locations(count, b"abc"))
    assert one.name.startswith("1,001 in all, sha256 ")
    names = {
        summarize_locations(count, b"abc"),
        summarize_locations(count, b"abd"),
        summarize_locations(count, b"a", b"bc"),
        summarize_locations(count + 1, b"abc"),
    }
    assert len(names) == 4

"""The opening of the report of a net or log: how training ended, what to correct, its data."""

from __future__ import annotations

from datascan.checks.base import Issue
from datascan.config.options import Severity
from datascan.report.figures import LogFigures
from datascan.report.opening.runs import open_run
from datascan.testing.reports import finding, source


def issue(rule, severity="error") -> Issue:
    return Issue(rule, Severity(severity), "message", "fix")


def log(cause, **changes) -> LogFigures:
    fields = {
        "iterations": 120,
        "last_finite_iteration": 60,
        "first_nonfinite_iteration": 70,
        "cause": cause,
        "records": None,
        "culprits": None,
    }
    return LogFigures(**fields | changes)


def test_a_net():
    assert open_run([], [source()], None) == ["Nothing was found that needs attention in the net."]
    assert open_run([issue("lr-not-finite"), issue("unknown-field", "warning")], [], None) == [
        "Correct before training: learning rate is broken."
    ]
    assert open_run([issue("unscaled-input", "warning")], [], None) == [
        "Have a look: input values are too large."
    ]


def test_a_net_of_which_a_part_was_not_checked():
    start = "Nothing was found that needs attention in the parts of the net that were checked."
    assert open_run([], [source()], None, ["Python layer a", "Python layer b"]) == [
        start,
        "Not checked: Python layer a, Python layer b.",
    ]
    fork = Issue(
        "not-understood", Severity.INFO, "net: made ...", "fix", details=("made for a fork",)
    )
    assert open_run([fork], [source()], None, ["layer type A"]) == [start, "Made for a fork."]
    many = open_run([], [], None, [f"layer type {i}" for i in range(9)])
    assert many[1].endswith("layer type 5 and 3 more.")


def test_more_faults_than_one_reads():
    rules = ("died", "loss-saturated", "lr-not-finite", "source-mismatch", "loss-needs-matrix")
    said = open_run([issue(rule) for rule in rules], [], None)[0]
    assert said == (
        "Correct before training: training crashed, training is stuck, learning rate is broken, "
        "and 2 more points."
    )


def test_the_data_of_a_net():
    assert open_run([], [source(), source(finding())], None) == [
        "1 of 2 datasets that the net reads has errors."
    ]


def test_a_log_says_how_training_ended():
    assert open_run([], [], log("none", first_nonfinite_iteration=None)) == [
        "Every loss in the log is finite."
    ]
    said = open_run([issue("sudden-nan")], [source(finding())], log("sudden-nan", culprits=[33]))
    assert said == [
        (
            "Training broke from one step to the next (iteration 70): 1 record among those read at "
            "the time has errors."
        ),
        "The dataset that the net reads has errors.",
    ]

"""What the rules about training logs report."""

from __future__ import annotations

from pathlib import Path

import datascan
from datascan.caffe.net.training import Training
from datascan.caffe.rules.base import NetContext, RunOutcome
from datascan.checks.base import Issue
from datascan.logs.diagnosis import Diagnosis
from datascan.plugins import load, rule_target
from datascan.report.model import Finding


def findings_of_log(folder: Path, text: str) -> list[Finding]:
    """The findings of a log without its net."""
    path = folder / "train.log"
    path.write_text(text)
    return datascan.scan_log(path).findings


def outcome_issues(rule: str, text: str, about: str, details: tuple[str, ...]) -> list[Issue]:
    """The issues of a log rule for one run that ended for its cause and one that did not."""
    outcomes = [
        RunOutcome(
            Diagnosis(cause=rule, last_finite=10, first_nonfinite=20, text=text), "", about, details
        ),
        RunOutcome(Diagnosis(cause="none", last_finite=10, text="healthy")),
    ]
    context = NetContext(Training(path=Path("net.prototxt")), outcomes=outcomes)
    return list(load(rule_target(rule))().evaluate(context))

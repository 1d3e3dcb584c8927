"""Reports as a flat JSON object of numbers, for DVC, MLflow, and converters for Prometheus.

The names of several datasets, and of the sources of a net, have a prefix: ``data/train/records``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from datascan.plugins import OUTPUTS
from datascan.report.failed_scan import FailedScan
from datascan.report.figures import Finding
from datascan.report.model import Report, SourceReport
from datascan.report.several import find_verdict
from datascan.text import escape_in_json

HELP = OUTPUTS["metrics"]

VERSION = 1
VERDICTS = {"pass": 0, "fail": 1, "incomplete": 2}

Numbers = dict[str, int | float]


def render(reports: Sequence[Report], failed: Sequence[FailedScan] = ()) -> str:
    """The numbers of one report, without a prefix; of several, each with its path as prefix."""
    if len(reports) == 1 and not failed:
        return as_json(numbers_of(reports[0]))
    return render_several(reports, failed)


def render_several(reports: Sequence[Report], failed: Sequence[FailedScan] = ()) -> str:
    """The numbers of reports, however many there are, each with its path as prefix."""
    found: Numbers = {
        "verdict": VERDICTS[find_verdict(reports, failed)],
        "datasets": len(reports) + len(failed),
        "failed": sum(report.verdict == "fail" for report in reports),
        "not_scanned": len(failed),
    }
    for report in reports:
        add_prefixed(found, report.dataset.path, numbers_of(report))
    return as_json(found)


def numbers_of(report: Report) -> Numbers:
    """The numbers of a report, and those of its sources with a prefix."""
    found: Numbers = {
        "verdict": VERDICTS["incomplete" if report.is_incomplete else report.verdict],
        "records": report.dataset.records,
        "bytes": report.dataset.bytes,
        "seconds": report.elapsed_seconds,
    }
    if report.bad_records is not None:
        bad = report.bad_records
        found |= {"bad_records": bad.any, "bad_records_error": bad.error}
        found |= {"bad_records_warning": bad.warning, "bad_records_info": bad.info}
    for rule, count in count_rules(report):
        # A rule of another package may have any name.
        found.setdefault(rule, count)
    for source in report.sources or ():
        add_prefixed(found, place_of(source), numbers_of(source))
    return found


def count_rules(report: Report) -> Iterator[tuple[str, int]]:
    """Each rule that applies, with the number of records that it names.

    If it names none, with the number of its findings. Accepted findings do not count.
    """
    counted: dict[str, list[Finding]] = {}
    for finding in report.findings:
        counted.setdefault(finding.rule, [])
        if finding.accepted is None:
            counted[finding.rule].append(finding)
    absent = {one.rule for one in report.checked or () if one.status == "not-applicable"}
    for rule in sorted({*(report.rules or ()), *counted}):
        if rule in counted or rule not in absent:
            same = counted.get(rule, [])
            yield rule, sum(finding.records for finding in same) or len(same)


def place_of(source: SourceReport) -> str:
    """The prefix of a source: path, phase and layer."""
    return f"{source.dataset.path}/{source.phase}/{source.layer or '?'}"


def add_prefixed(found: Numbers, prefix: str, more: Numbers) -> None:
    """Add numbers under a prefix."""
    found |= {f"{prefix}/{name}": number for name, number in more.items()}


def as_json(found: Numbers) -> str:
    """The numbers as a JSON object, one a line."""
    whole = {"datascan_metrics": VERSION, **found}
    return escape_in_json(json.dumps(whole, indent=2, ensure_ascii=False, allow_nan=False)) + "\n"

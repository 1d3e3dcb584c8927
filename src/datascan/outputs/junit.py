"""Reports as JUnit XML, which continuous integration services show.

There is one test suite per dataset and one test case per rule applied. A rule fails if one of its
findings fails the scan. Findings that do not are in ``system-out`` of a case that passes. A case is
skipped if its rule does not apply to the dataset.
"""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree import ElementTree as ET
from xml.etree.ElementTree import Element, SubElement

from datascan.plugins import OUTPUTS
from datascan.report.failed_scan import FailedScan
from datascan.report.figures import Finding
from datascan.report.model import Report, describe_stop
from datascan.report.origin import describe_origin
from datascan.report.titles import finding_title
from datascan.text import escape_control

HELP = OUTPUTS["junit"]


def render(reports: Sequence[Report], failed: Sequence[FailedScan] = ()) -> str:
    """A test suite for each report, source of a net or log, and failed scan."""
    root = Element("testsuites")
    for report in reports:
        for one in report.reports:
            add_suite(root, one)
    for scan in failed:
        add_failed_suite(root, scan)
    ET.indent(root)
    text = ET.tostring(root, "unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}\n'


def add_suite(root: Element, report: Report) -> None:
    """One dataset: a case for each rule, by name. An incomplete scan is a case with an error."""
    found: dict[str, list[Finding]] = {}
    for finding in report.findings:
        found.setdefault(finding.rule, []).append(finding)
    rules = sorted({*(report.rules or ()), *found})
    failures = sum(any(map(report.fails_by, found.get(rule, ()))) for rule in rules)
    inapplicable = {one.rule: one.reason for one in report.checked or () if one.reason}
    counts = {
        "tests": len(rules) + (not report.complete),
        "failures": failures,
        "errors": int(not report.complete),
        "skipped": len(inapplicable),
    }
    suite = add(
        root,
        "testsuite",
        name=f"datascan {report.name}",
        **counts,
        time=f"{report.elapsed_seconds:.3f}",
    )
    applied = report.configuration
    facts = {} if applied is None else {"configuration": f"{applied.file}: {applied.effect}"}
    facts |= dict(describe_origin(report))
    if facts:
        properties = add(suite, "properties")
        for name, text in facts.items():
            add(properties, "property", name=name, value=text)
    for rule in rules:
        case = add_case(suite, report, rule, found.get(rule, []))
        if reason := inapplicable.get(rule):
            add(case, "skipped", message=f"does not apply: {reason}")
    if not report.complete:
        add_error(suite, report.name, describe_stop(report))


def add_failed_suite(root: Element, scan: FailedScan) -> None:
    """A scan that was not made: one case with an error, or skipped if it was left out."""
    skipped = int(scan.left_out)
    counts = {"tests": 1, "failures": 0, "errors": 1 - skipped, "skipped": skipped, "time": 0}
    suite = add(root, "testsuite", name=f"datascan {scan.path}", **counts)
    if scan.left_out:
        case = add(suite, "testcase", classname=scan.path, name="complete")
        add(case, "skipped", message=scan.error)
    else:
        add_error(suite, scan.path, scan.error)


def add_case(suite: Element, report: Report, rule: str, findings: list[Finding]) -> Element:
    """One rule with its findings, if any."""
    case = add(suite, "testcase", classname=report.name, name=rule)
    failing = [finding for finding in findings if report.fails_by(finding)]
    if failing:
        message = f"{finding_title(failing[0], report.dataset)}: {failing[0].statement}"
        failure = add(case, "failure", type=rule, message=message)
        failure.text = describe_findings(failing, report)
    others = [finding for finding in findings if finding not in failing]
    if others:
        add(case, "system-out").text = describe_findings(others, report)
    return case


def add_error(suite: Element, name: str, message: str) -> None:
    """The case that says why a scan is incomplete."""
    case = add(suite, "testcase", classname=name, name="complete")
    add(case, "error", message=message)


def add(parent: Element, tag: str, **attributes: str | int) -> Element:
    """A new child of ``parent``; escaped text has only characters of XML 1.0 (section 2.2)."""
    written = {name: escape_control(str(value)) for name, value in attributes.items()}
    return SubElement(parent, tag, written)


def describe_findings(findings: list[Finding], report: Report) -> str:
    """Findings with their examples, one per line."""
    lines = []
    for finding in findings:
        title = finding_title(finding, report.dataset)
        lines.append(f"{finding.severity}{why_passed(finding)}: {title}: {finding.statement}")
        for example in finding.examples:
            number = None if example.index is None else f"#{example.index}"
            name = " ".join(part for part in (number, example.key) if part)
            lines.append(f"  {name}  {example.detail}" if name else f"  {example.detail}")
        if finding.accepted is None:
            lines.append(f"  -> {finding.fix}")
    return "\n".join(map(escape_control, lines))


def why_passed(finding: Finding) -> str:
    """Why a finding does not count; empty if it does."""
    why = finding.accepted
    if finding.tolerated is not None:
        return f" ({finding.tolerated.text})"
    if why is None:
        return ""
    until = "" if why.expires is None else f" until {why.expires.isoformat()}"
    return f" (accepted{until}: {why.reason})"

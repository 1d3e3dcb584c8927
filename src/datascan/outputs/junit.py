"""The report as JUnit XML, which continuous integration services show.

One test case for each rule applied. A rule fails where a finding of it fails the scan; findings
below that stand in ``system-out`` of a case that passes: a skipped case would say that the rule was
not applied, and services hide or count those apart.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datascan.report.figures import Finding
    from datascan.report.model import FailedScan, Report

FORBIDDEN = re.compile(
    "[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufdcf\ufdf0-\ufffd\U00010000-\U0010ffff]"
)
"""What XML 1.0 has no way to write (section 2.2), and what it discourages."""


def render(report: Report) -> str:
    """The report as a test suite, and one for each source of a net or log."""
    return render_all([report])


def render_all(reports: Sequence[Report], unmade: Sequence[FailedScan] = ()) -> str:
    """A test suite for each report, and for each scan that could not be made."""
    suites = "".join(suite(one) for report in reports for one in report.reports)
    suites += "".join(map(suite_failed, unmade))
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n{suites}</testsuites>\n'


def suite(report: Report) -> str:
    """One dataset: its rules by name. An incomplete scan is a case that errors."""
    found: dict[str, list[Finding]] = {}
    for finding in report.findings:
        found.setdefault(finding.rule, []).append(finding)
    rules = sorted({*(report.rules or ()), *found})
    failures = sum(any(map(report.fails_by, found.get(rule, ()))) for rule in rules)
    cases = [case(report, rule, found.get(rule, [])) for rule in rules]
    if not report.complete:
        cases.append(
            f'    <testcase classname={attribute(report.name)} name="complete">\n'
            '      <error message="the scan was stopped early"/>\n    </testcase>\n'
        )
    return (
        f"  <testsuite name={attribute('datascan ' + report.name)} "
        f'tests="{len(cases)}" failures="{failures}" errors="{int(not report.complete)}" '
        f'skipped="0" time="{report.elapsed_seconds:.3f}">\n{"".join(cases)}  </testsuite>\n'
    )


def suite_failed(unmade: FailedScan) -> str:
    """A scan that could not be made: one case that errors."""
    return (
        f"  <testsuite name={attribute('datascan ' + unmade.path)} "
        'tests="1" failures="0" errors="1" skipped="0" time="0">\n'
        f'    <testcase classname={attribute(unmade.path)} name="complete">\n'
        f"      <error message={attribute(unmade.error)}/>\n    </testcase>\n  </testsuite>\n"
    )


def case(report: Report, rule: str, same: list[Finding]) -> str:
    """One rule; its findings, if any."""
    failing = [finding for finding in same if report.fails_by(finding)]
    inner = ""
    if failing:
        inner += (
            f"      <failure type={attribute(rule)} message={attribute(failing[0].message)}>"
            f"{text(describe_finding(failing))}</failure>\n"
        )
    others = [finding for finding in same if finding not in failing]
    if others:
        inner += f"      <system-out>{text(describe_finding(others))}</system-out>\n"
    head = f"    <testcase classname={attribute(report.name)} name={attribute(rule)}"
    return f"{head}>\n{inner}    </testcase>\n" if inner else f"{head}/>\n"


def describe_finding(findings: list[Finding]) -> str:
    """Findings with their examples, a line each."""
    lines = []
    for finding in findings:
        lines.append(f"{finding.severity}{acceptance(finding)}: {finding.message}")
        for example in finding.examples:
            number = None if example.index is None else f"#{example.index}"
            place = " ".join(part for part in (number, example.key) if part)
            lines.append(f"  {place}  {example.detail}" if place else f"  {example.detail}")
        if finding.accepted is None:
            lines.append(f"  -> {finding.fix}")
    return "\n".join(lines)


def acceptance(finding: Finding) -> str:
    """Why a finding does not count, if it does not."""
    why = finding.accepted
    if why is None:
        return ""
    until = "" if why.expires is None else f" until {why.expires.isoformat()}"
    return f" (accepted{until}: {why.reason})"


def writable(value: str) -> str:
    """Text that XML can hold, what it cannot as backslash escapes."""
    return FORBIDDEN.sub(lambda c: c[0].encode("unicode_escape").decode(), value)


def text(value: str) -> str:
    """Text between tags."""
    from xml.sax.saxutils import escape  # noqa: PLC0415  (it brings half of the standard library)

    return escape(writable(value))


def attribute(value: str) -> str:
    """A quoted attribute value."""
    from xml.sax.saxutils import quoteattr  # noqa: PLC0415  (as above)

    return quoteattr(writable(value))

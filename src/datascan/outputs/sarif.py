"""Reports as SARIF 2.1.0 (OASIS), which code scanning services read.

There is one run per dataset and one result per rule, at most two: the findings of a rule are
merged, accepted ones into a result of their own. The locations of a result are the examples of its
findings, at most 100.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote as percent_encode

from msgspec import to_builtins

from datascan._version import __version__
from datascan.plugins import OUTPUTS
from datascan.report import rule_pages
from datascan.report.failed_scan import FailedScan
from datascan.report.figures import Example, Finding
from datascan.report.model import Report, SourceReport, describe_stop
from datascan.report.titles import class_title
from datascan.text import escape_control, escape_in_json

HELP = OUTPUTS["sarif"]
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LOCATIONS = 100
LEVELS = {"error": "error", "warning": "warning", "info": "note"}
MESSAGE_SYNTAX = re.compile(r"\{(?=\d)|(?<=\])\(")
"""What makes ``{0}`` an argument and ``[text](address)`` a link (sections 3.11.5 and 3.11.6)."""

ESCAPED_BYTE = re.compile(r"\\x([89a-f][0-9a-f])")
"""A byte of a file name that is not UTF-8, as reports escape it."""


def render(reports: Sequence[Report], failed: Sequence[FailedScan] = ()) -> str:
    """A SARIF log with a run for each report, source of a net or log, and failed scan."""
    runs = [scan_run(one) for report in reports for one in report.reports]
    runs += [failed_run(scan) for scan in failed]
    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": runs}
    return escape_in_json(json.dumps(log, indent=2)) + "\n"


def scan_run(report: Report) -> dict[str, Any]:
    """The run of one scan; its execution was unsuccessful if the scan is incomplete."""
    same: dict[tuple[str, bool], list[Finding]] = {}
    for finding in report.findings:
        same.setdefault((finding.rule, finding.accepted is not None), []).append(finding)
    names = list(dict.fromkeys(rule for rule, _ in same))
    reader = ""
    if isinstance(report, SourceReport):
        reader = f"{report.phase}/{quote(report.layer or '')}/"
    invocation: dict[str, Any] = {
        "executionSuccessful": report.complete,
        "exitCode": 0 if report.passed else 1,
        "toolExecutionNotifications": [*notifications(report)],
    }
    if properties := {name: to_builtins(value) for name, value in origin_of(report) if value}:
        invocation["properties"] = properties
    return {
        "tool": tool(report.datascan, names),
        "invocations": [invocation],
        "automationDetails": {"id": f"datascan/{quote(report.dataset.path)}/{reader}"},
        "results": [
            rule_result(report, findings, names.index(rule)) for (rule, _), findings in same.items()
        ],
    }


def origin_of(report: Report) -> Iterator[tuple[str, Any]]:
    """What a run depends on, as the JSON report has it."""
    yield "configuration", report.configuration
    yield "options", report.options
    yield "versions", report.versions
    yield "location", report.dataset.location
    yield "fingerprint", report.dataset.fingerprint


def notifications(report: Report) -> Iterator[dict[str, Any]]:
    """What was not inspected, and which rules do not apply."""
    for finding in report.findings:
        if finding.rule == "not-inspected":
            yield {"level": LEVELS[finding.severity], "message": plain_message(finding.message)}
    if not report.complete:
        yield {"level": "warning", "message": plain_message(describe_stop(report))}
    for one in report.checked or ():
        if one.reason:
            text = f"{one.rule} does not apply: {one.reason}"
            yield {"level": "note", "message": plain_message(text)}


def failed_run(scan: FailedScan) -> dict[str, Any]:
    """The run of a scan that failed: the reason is a notification."""
    notice = {
        "level": "warning" if scan.left_out else "error",
        "message": plain_message(scan.error),
        "locations": [{"physicalLocation": artifact(scan.path)}],
    }
    return {
        "tool": tool(__version__, []),
        "invocations": [
            {"executionSuccessful": False, "exitCode": 2, "toolExecutionNotifications": [notice]}
        ],
        "automationDetails": {"id": f"datascan/{quote(scan.path)}/"},
        "results": [],
    }


def tool(version: str, rules: list[str]) -> dict[str, Any]:
    """This program, and the rules of the results."""
    described = [describe_rule(name) for name in rules]
    return {"driver": {"name": "datascan", "semanticVersion": version, "rules": described}}


def describe_rule(name: str) -> dict[str, Any]:
    """A rule with its page; only its name if this version of datascan does not have it."""
    check = rule_pages.all_rules().get(name)
    if check is None:
        return {"id": name}
    page = rule_pages.rule_page(name)
    return {
        "id": name,
        "shortDescription": {"text": escape_control(class_title(check))},
        "fullDescription": {"text": rule_pages.rule_summary(check)},
        "help": {"text": page},
        "defaultConfiguration": {"level": LEVELS[check.severity.value]},
    }


def rule_result(report: Report, same: list[Finding], index: int) -> dict[str, Any]:
    """The findings of one rule as one result; the first of them is the worst."""
    path, first = report.dataset.path, same[0]
    examples = [example for finding in same for example in finding.examples][:LOCATIONS]
    locations = [location_of(report, example) for example in examples]
    # Viewers require a location: without examples it is the dataset itself.
    result: dict[str, Any] = {
        "ruleId": first.rule,
        "ruleIndex": index,
        "level": LEVELS[first.severity],
        "message": plain_message(*(finding.statement for finding in same), first.fix),
        "locations": locations or [{"physicalLocation": artifact(path)}],
        "partialFingerprints": {"datascan/v1": fingerprint(first, path)},
    }
    reasons = [finding.accepted.reason for finding in same if finding.accepted is not None]
    reasons += [finding.tolerated.text for finding in same if finding.tolerated is not None]
    if reasons:
        note = "; ".join(dict.fromkeys(reasons))
        result["suppressions"] = [{"kind": "external", "justification": note}]
    return result


def fingerprint(finding: Finding, path: str) -> str:
    """Equal for the same rule and dataset, whichever records are affected."""
    mark = "\0accepted" if finding.accepted is not None else ""
    return hashlib.sha256(f"{finding.rule}\0{path}{mark}".encode()).hexdigest()


def location_of(report: Report, example: Example) -> dict[str, Any]:
    """The location of a record: its file in an image folder, otherwise a record of the store."""
    path = report.dataset.path
    if report.dataset.backend == "images" and example.key:
        path = f"{path}/{example.key}"
    location: dict[str, Any] = {
        "physicalLocation": artifact(path),
        "message": plain_message(example.detail or "no detail"),
    }
    name = example.key or (None if example.index is None else str(example.index))
    if name is not None:
        full = name if example.index is None else f"record {example.index}: {name}"
        location["logicalLocations"] = [
            {
                "name": escape_control(name),
                "fullyQualifiedName": escape_control(full),
                "kind": "element",
            }
        ]
    return location


def plain_message(*lines: str) -> dict[str, str]:
    """A message of several lines that viewers show as it is."""
    text = "\n".join(map(escape_control, lines))
    return {"text": MESSAGE_SYNTAX.sub(lambda found: f"\\x{ord(found[0]):02x}", text)}


def quote(text: str) -> str:
    """Text as part of the path of a URI; escaped bytes become bytes again."""
    raw = ESCAPED_BYTE.sub(lambda byte: chr(0xDC00 + int(byte[1], 16)), text)
    return percent_encode(raw, errors="surrogateescape")


def artifact(path: str) -> dict[str, Any]:
    """A file by its URI (RFC 3986), relative to the working directory if it is inside.

    A store has no lines, but services that show code require one: the first.
    """
    whole, base = Path(path), ""
    if whole.is_absolute():
        if whole.is_relative_to(Path.cwd()):
            whole = whole.relative_to(Path.cwd())
        else:
            base = "file://"
    # ``quote`` also escapes colons: one in the first segment would be read as a scheme.
    location = {"uri": base + quote(whole.as_posix())}
    return {"artifactLocation": location, "region": {"startLine": 1}}

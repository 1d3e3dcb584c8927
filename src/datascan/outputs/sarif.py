"""The report as SARIF 2.1.0 (OASIS), which code scanning services read.

A run for each dataset, in it one result a rule: several findings of a rule are merged, but for
those that are accepted, which are a result of their own. Its locations are the examples of the
report, at most 100.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datascan.report.model import SourceReport

if TYPE_CHECKING:
    from collections.abc import Sequence

    from datascan.report.figures import Example, Finding
    from datascan.report.model import FailedScan, Report

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LOCATIONS = 100
LEVELS = {"error": "error", "warning": "warning", "info": "note"}
ESCAPED_BYTE = re.compile(r"\\x([89a-f][0-9a-f])")
"""How reports show a byte of a file's name that is not UTF-8."""


def render(report: Report) -> str:
    """The report as a SARIF log: a run, and one for each source of a net or log."""
    return render_all([report])


def render_all(reports: Sequence[Report], unmade: Sequence[FailedScan] = ()) -> str:
    """A SARIF log of several reports, and of scans that could not be made."""
    import json  # noqa: PLC0415  (what only this output needs waits until it renders)

    runs = [run_of(one) for report in reports for one in report.reports]
    runs += [run_failed(one) for one in unmade]
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": runs}, indent=2) + "\n"


def run_of(report: Report) -> dict[str, Any]:
    """One scan. An incomplete one was not successful."""
    same: dict[tuple[str, bool], list[Finding]] = {}
    for finding in report.findings:
        same.setdefault((finding.rule, finding.accepted is not None), []).append(finding)
    names = list(dict.fromkeys(rule for rule, _ in same))
    reader = ""
    if isinstance(report, SourceReport):
        reader = f"{report.phase}/{quote(report.layer or '')}/"
    return {
        "tool": tool(report.datascan, names),
        "invocations": [
            {"executionSuccessful": report.complete, "exitCode": 0 if report.passed else 1}
        ],
        "automationDetails": {"id": f"datascan/{quote(report.dataset.path)}/{reader}"},
        "results": [
            result_of(report, findings, names.index(rule)) for (rule, _), findings in same.items()
        ],
    }


def run_failed(unmade: FailedScan) -> dict[str, Any]:
    """A scan that could not be made."""
    from datascan._version import __version__  # noqa: PLC0415

    notice = {
        "level": "error",
        "message": {"text": unmade.error},
        "locations": [{"physicalLocation": artifact(unmade.path)}],
    }
    return {
        "tool": tool(__version__, []),
        "invocations": [
            {"executionSuccessful": False, "exitCode": 2, "toolExecutionNotifications": [notice]}
        ],
        "automationDetails": {"id": f"datascan/{quote(unmade.path)}/"},
        "results": [],
    }


def tool(version: str, rules: list[str]) -> dict[str, Any]:
    """This program, and the rules that its results name."""
    known = [rule_of(name) for name in rules]
    return {"driver": {"name": "datascan", "semanticVersion": version, "rules": known}}


def rule_of(name: str) -> dict[str, Any]:
    """A rule with its page; only its name where this datascan does not know it."""
    from datascan.report import rule_pages  # noqa: PLC0415

    check = rule_pages.all_rules().get(name)
    if check is None:
        return {"id": name}
    page = rule_pages.rule_page(name)
    return {
        "id": name,
        "shortDescription": {"text": rule_pages.rule_summary(check)},
        "help": {"text": page},
        "defaultConfiguration": {"level": LEVELS[check.severity.value]},
    }


def result_of(report: Report, same: list[Finding], index: int) -> dict[str, Any]:
    """The findings of one rule as one result; the first of them is the worst."""
    path, first = report.dataset.path, same[0]
    examples = [example for finding in same for example in finding.examples][:LOCATIONS]
    places = [location_of(report, example) for example in examples]
    # The dataset itself is the place of what names no record: viewers want one.
    result: dict[str, Any] = {
        "ruleId": first.rule,
        "ruleIndex": index,
        "level": LEVELS[first.severity],
        "message": {"text": "\n".join([*(finding.message for finding in same), first.fix])},
        "locations": places or [{"physicalLocation": artifact(path)}],
        "partialFingerprints": {"datascan/v1": fingerprint(first, path)},
    }
    reasons = [finding.accepted.reason for finding in same if finding.accepted is not None]
    if reasons:
        note = "; ".join(dict.fromkeys(reasons))
        result["suppressions"] = [{"kind": "external", "justification": note}]
    return result


def fingerprint(finding: Finding, path: str) -> str:
    """The same for the same rule and dataset, however many records there are."""
    import hashlib  # noqa: PLC0415

    mark = "\0accepted" if finding.accepted is not None else ""
    return hashlib.sha256(f"{finding.rule}\0{path}{mark}".encode()).hexdigest()


def location_of(report: Report, example: Example) -> dict[str, Any]:
    """A record of the dataset: the file for image folders, else a record in the store."""
    path = report.dataset.path
    if report.dataset.backend == "images" and example.key:
        path = f"{path}/{example.key}"
    place: dict[str, Any] = {
        "physicalLocation": artifact(path),
        "message": {"text": example.detail or "no detail"},
    }
    name = example.key or (None if example.index is None else str(example.index))
    if name is not None:
        full = name if example.index is None else f"record {example.index}: {name}"
        place["logicalLocations"] = [{"name": name, "fullyQualifiedName": full, "kind": "element"}]
    return place


def quote(text: str) -> str:
    """Text as part of a URI's path; bytes that reports show as escapes are bytes again."""
    from urllib.parse import quote as quoted  # noqa: PLC0415

    raw = ESCAPED_BYTE.sub(lambda byte: chr(0xDC00 + int(byte[1], 16)), text)
    return quoted(raw, errors="surrogateescape")


def artifact(path: str) -> dict[str, Any]:
    """A file by its URI (RFC 3986): relative to the working folder where it lies in it.

    A store has no lines, but services that show code want one: the first.
    """
    whole, base = Path(path), ""
    if whole.is_absolute():
        if whole.is_relative_to(Path.cwd()):
            whole = whole.relative_to(Path.cwd())
        else:
            base = "file://"
    # A colon in a relative reference's first segment would be read as a scheme: it is quoted.
    location = {"uri": base + quote(whole.as_posix())}
    return {"artifactLocation": location, "region": {"startLine": 1}}

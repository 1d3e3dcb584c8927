"""The report as SARIF 2.1.0 (OASIS), which code scanning services read.

One result a rule: several findings of a rule are merged. Its locations are the examples of the
report, at most 100.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datascan.report import Example, Finding, Report

HELP = "the findings as SARIF 2.1.0, for code scanning"
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LOCATIONS = 100
LEVELS = {"error": "error", "warning": "warning", "info": "note"}


def render(report: Report) -> str:
    """The report as a SARIF log of one run."""
    return render_all([report])


def render_all(reports: list[Report]) -> str:
    """A SARIF log with a run for each report."""
    import json  # noqa: PLC0415  (what only this output needs waits until it renders)

    log = {"$schema": SCHEMA, "version": "2.1.0", "runs": [run_of(report) for report in reports]}
    return json.dumps(log, indent=2) + "\n"


def run_of(report: Report) -> dict[str, Any]:
    """One scan. An incomplete one was not successful."""
    rules: dict[str, list[Finding]] = {}
    for finding in report.findings:
        rules.setdefault(finding.rule, []).append(finding)
    names = list(rules)
    return {
        "tool": {
            "driver": {
                "name": "datascan",
                "semanticVersion": report.datascan,
                "rules": [rule_of(name) for name in names],
            }
        },
        "invocations": [
            {"executionSuccessful": report.complete, "exitCode": 0 if report.passed else 1}
        ],
        "automationDetails": {"id": f"datascan/{quote(report.dataset.path)}/"},
        "results": [result_of(report, same, names.index(name)) for name, same in rules.items()],
    }


def rule_of(name: str) -> dict[str, Any]:
    """A rule with its page; only its name where this datascan does not know it."""
    from datascan import pages  # noqa: PLC0415

    check = pages.checks().get(name)
    if check is None:
        return {"id": name}
    page = pages.page(name)
    return {
        "id": name,
        "shortDescription": {"text": pages.meaning(check)},
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
        "partialFingerprints": {"datascan/v1": fingerprint(first.rule, path)},
    }
    reasons = [finding.accepted.reason for finding in same if finding.accepted is not None]
    if len(reasons) == len(same):
        note = "; ".join(dict.fromkeys(reasons))
        result["suppressions"] = [{"kind": "external", "justification": note}]
    return result


def fingerprint(rule: str, path: str) -> str:
    """The same for the same rule and dataset, however many records there are."""
    import hashlib  # noqa: PLC0415

    return hashlib.sha256(f"{rule}\0{path}".encode()).hexdigest()


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
    """Text as part of a URI's path."""
    from urllib.parse import quote as quoted  # noqa: PLC0415

    return quoted(text)


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

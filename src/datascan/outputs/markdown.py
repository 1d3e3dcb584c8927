"""Reports as Markdown, for reviews and for the summary of a run of GitHub Actions.

Texts come from datasets, and Markdown turns nearly every character into something. So what is not
plain prose is inside ``<code>``, in which neither GitHub nor GitLab links names, numbers or
addresses, and each of its special characters is an HTML entity (GitHub Flavored Markdown, 6.2).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from datascan.plugins import OUTPUTS
from datascan.report.failed_scan import FailedScan
from datascan.report.figures import DatasetInfo, Example, Finding
from datascan.report.model import Report, describe_stop
from datascan.report.one_line import describe_verdict
from datascan.report.several import find_verdict
from datascan.report.summary import (
    count_records,
    describe_excluded,
    spread_shown,
    summarize_findings,
)
from datascan.report.titles import finding_title
from datascan.text import escape_control, format_percent, pluralize

HELP = OUTPUTS["markdown"]

MARK = "<!-- datascan report -->"
"""The first line, by which datascan recognises its own files."""

MAX_BYTES = 1_000_000
"""GitHub takes 1 MiB as the summary of a step."""

MAX_TEXT = 160
MAX_SENTENCE = 400

SPECIAL = re.compile(r"[^\w /,=%()+.-]|_")
"""In ``<code>``: all that Markdown, GitHub or HTML might take for markup."""

PROSE = re.compile(r"(?:[^\W_]|[ ,.;%()'/+-]|: |:$)*")
LINKED = re.compile(r"www\.|\bgh-[0-9]|^[-+]|^[0-9]+[.)]|--", re.IGNORECASE)
"""What becomes a link, or the item of a list, although it is spelt like prose."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The most datasets, findings of each, and examples of each of those."""

    reports: int
    findings: int
    examples: int


LIMITS = (Limits(500, 60, 3), Limits(200, 20, 2), Limits(100, 5, 1), Limits(50, 0, 0))


def render(reports: Sequence[Report], failed: Sequence[FailedScan] = ()) -> str:
    """A section for each report, source of a net or log, and failed scan; less than 1 MB."""
    text = ""
    for limits in LIMITS:
        text = "\n".join([MARK, "", *document(reports, failed, limits)]).rstrip("\n") + "\n"
        if len(text.encode("utf-8", "backslashreplace")) <= MAX_BYTES:
            break
    return text


def document(
    reports: Sequence[Report], failed: Sequence[FailedScan], limits: Limits
) -> Iterator[str]:
    """The lines of the whole document."""
    if len(reports) + len(failed) != 1:
        verdict = find_verdict(reports, failed).upper()
        count = pluralize(len(reports) + len(failed), "dataset")
        bad = sum(not report.passed for report in reports) + len(failed)
        yield from (f"## datascan: {verdict}, {count}, {bad:,} not passed", "")
    for scan in failed[: limits.reports]:
        yield from (
            f"## {scan.verdict.upper()} {code(scan.path)}",
            "",
            f"Not scanned: {prose(scan.error)}",
            "",
        )
    shown = [one for report in reports for one in report.reports]
    for one in shown[: limits.reports]:
        yield from section(one, limits)
    left = max(0, len(shown) - limits.reports) + max(0, len(failed) - limits.reports)
    if left:
        yield from (f"And {pluralize(left, 'more dataset')}, left out here.", "")


def section(report: Report, limits: Limits) -> Iterator[str]:
    """One report: verdict, counts, what was silenced, and the table of findings."""
    yield from (f"## {describe_verdict(report)} {code(report.name)}", "")
    for sentence in report.opening or ():
        yield from (prose(sentence, MAX_SENTENCE), "")
    found = summarize_findings(report) or "no findings"
    excluded = describe_excluded(report.dataset)
    found += f"; {excluded}" if excluded else ""
    yield from (f"{prose(count_records(report.dataset))}: {prose(found)}.", "")
    if not report.complete:
        yield from (f"**Incomplete:** {prose(describe_stop(report))}.", "")
    applied = report.configuration
    if applied is not None and applied.silences:
        yield from (f"Configuration {code(applied.file)}: {code(applied.effect)}", "")
    findings = report.findings[: limits.findings]
    if findings:
        yield "| | rule | records | what was found | first examples |"
        yield "| --- | --- | ---: | --- | --- |"
        for finding in findings:
            yield row(finding, report.dataset, limits)
        yield ""
    left = len(report.findings) - len(findings)
    if left:
        yield from (f"And {pluralize(left, 'more finding')}, left out here.", "")


def row(finding: Finding, dataset: DatasetInfo, limits: Limits) -> str:
    """A row of the table: a finding with its first examples."""
    mark = f"**{finding.severity}**" if finding.severity == "error" else finding.severity
    if finding.accepted is not None:
        mark = f"{finding.severity}, accepted"
    elif finding.tolerated is not None:
        mark = f"{finding.severity}, {prose(finding.tolerated.text)}"
    title, total = prose(finding_title(finding, dataset)), dataset.records
    rule = f"{title}<br>{code(finding.rule)}"
    share = format_percent(finding.records / total) if 0 < finding.records <= total else ""
    records = f"{finding.records:,}{f' ({share})' if share else ''}" if finding.records else ""
    message = prose(finding.statement)
    if finding.counts:
        message += f"<br>{prose(finding.fix)}"
    shown = spread_shown([one.index for one in finding.examples], limits.examples)
    examples = "<br>".join(example(finding.examples[place]) for place in shown)
    return f"| {mark} | {rule} | {records} | {message} | {examples} |"


def example(one: Example) -> str:
    """An example: index and key of the record, and the detail."""
    parts = [] if one.index is None else [f"#{one.index}"]
    parts += [one.key] if one.key else []
    return " ".join([*([code(" ".join(parts))] if parts else []), prose(one.detail)]).strip()


def prose(text: str, most: int = MAX_TEXT) -> str:
    """Text as it is if nothing in it could be markup, otherwise as :func:`code`."""
    short = shorten(text, most)
    return short if PROSE.fullmatch(short) and not LINKED.search(short) else code(text, most)


def code(text: str, most: int = MAX_TEXT) -> str:
    """Text as code, in which nothing is markup."""
    short = shorten(text, most)
    if not short:
        return ""
    # An address that begins with "www." would be a link.
    special = re.compile(rf"{SPECIAL.pattern}|\.") if "www" in short.lower() else SPECIAL
    return f"<code>{special.sub(lambda found: f'&#{ord(found[0])};', short)}</code>"


def shorten(text: str, most: int = MAX_TEXT) -> str:
    """Text in one line, with escapes for control characters, cut at its end if it is long."""
    # Cut before as well: an escape takes up to ten characters.
    text = escape_control(text[: 2 * most])
    return text if len(text) <= most else f"{text[: most - 1]}…"

"""Finds the patterns of all findings of a report, while the reader is open."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from msgspec import Struct
from msgspec.structs import replace

from datascan.checks.base import Issue
from datascan.executors.base import Executor, Progress, ScanCancelled
from datascan.report.examples import may_have_pattern
from datascan.report.figures import Finding
from datascan.report.model import DatasetReport
from datascan.report.patterns.candidate import Candidate, choose_said, describe, to_pattern
from datascan.report.patterns.classes import find_class
from datascan.report.patterns.keys import Keys
from datascan.report.patterns.names import find_names
from datascan.report.patterns.rows import Runs, describe_runs, find_runs
from datascan.report.patterns.survey import Concerned
from datascan.report.stopped import stopped
from datascan.scanner.result import ScanResult

if TYPE_CHECKING:
    from datascan.report.patterns.pictures import PictureReader

MAX_ISSUES = 50
"""Patterns are sought for this many findings, the worst ones."""


def add_patterns(
    report: DatasetReport,
    issues: Sequence[Issue],
    scanned: ScanResult,
    progress: Progress,
    executor: Executor | None = None,
) -> DatasetReport:
    """The report with the patterns of its findings, which are those of ``issues``, one by one.

    Some records are read again, unless the scan was stopped early. If it is stopped now, findings
    have no patterns.
    """
    dataset = scanned.summary
    places = PlaceReader(
        scanned, executor, partial(progress.update, dataset.records, scanned.nbytes)
    )
    try:
        finder = PatternFinder.of(issues, scanned, places)
        pairs = enumerate(zip(report.findings, issues, strict=True))
        findings = [finder.add(finding, issue, place) for place, (finding, issue) in pairs]
    except ScanCancelled:
        return stopped(report)
    return replace(report, findings=findings)


class PlaceReader(Struct, frozen=True, eq=False):
    """Finds patterns in records that are read again."""

    scanned: ScanResult
    executor: Executor | None
    tick: Callable[[], None]
    pictures: list[PictureReader] = []
    """None, or one for all findings, once it is needed."""

    def find(self, issue: Issue, records: int) -> list[Candidate]:
        """The patterns within the records of an issue, if it is about values."""
        dataset = self.scanned.summary
        if issue.is_bad is None or issue.flagged is None or not dataset.is_complete:
            return []
        from datascan.report.patterns.places import read_places  # noqa: PLC0415  (few findings need it)
        from datascan.report.patterns.values import find_values  # noqa: PLC0415  (few findings need it)

        executor = self.executor or self.scanned.reader.executor(dataset.plan)
        addresses = issue.flagged.addresses.array
        try:
            found = read_places(self.scanned, addresses, issue.is_bad, executor, self.tick)
        except ScanCancelled:
            raise
        except Exception:  # noqa: BLE001  (a finding without a pattern is better than no report)
            return []
        return list(find_values(found, records))

    def find_pictures(self, concerned: Concerned) -> list[Candidate]:
        """How the images of an issue came about, in a folder of images."""
        dataset, reader = self.scanned.summary, self.scanned.reader
        if reader.name != "images" or not dataset.is_complete:
            return []
        from datascan.report.patterns.pictures import PictureReader  # noqa: PLC0415  (imports Pillow)

        if not self.pictures:
            executor = self.executor or reader.executor(dataset.plan)
            self.pictures.append(PictureReader(self.scanned, executor, self.tick))
        try:
            return list(self.pictures[0].find(concerned))
        except ScanCancelled:
            raise
        except Exception:  # noqa: BLE001  (a finding without a pattern is better than no report)
            return []


class PatternFinder(Struct, frozen=True, eq=False):
    """What is needed to find patterns: the records of each issue, by its place, and keys."""

    scanned: ScanResult
    concerned: dict[int, Concerned]
    runs: dict[int, Runs]
    keys: Keys
    places: PlaceReader

    @classmethod
    def of(cls, issues: Sequence[Issue], scanned: ScanResult, places: PlaceReader) -> PatternFinder:
        """Look up the keys that are needed, all at once."""
        dataset = scanned.summary
        seekable = scanned.reader.is_seekable
        chosen = [place for place, issue in enumerate(issues) if may_have_pattern(issue)][
            :MAX_ISSUES
        ]
        concerned = {
            place: Concerned.of(dataset, found.addresses.array, seekable=seekable)
            for place in chosen
            if (found := issues[place].flagged) is not None
        }
        runs = {
            place: near
            for place, one in concerned.items()
            if (near := find_runs(one.positions, one.records)) is not None
        }
        wanted = []
        if dataset.is_complete:
            wanted += [part for one in concerned.values() for part in (one.compared, one.others)]
            wanted += [np.array(near.bounds, np.int64).ravel() for near in runs.values()]
        return cls(scanned, concerned, runs, Keys.of(scanned, wanted), places)

    def add(self, finding: Finding, issue: Issue, place: int) -> Finding:
        """The finding with its pattern, if it has one."""
        if place not in self.concerned:
            return finding
        concerned = self.concerned[place]
        said = self.places.find(issue, len(concerned.positions))
        where = choose_said(list(self._find(concerned, self.runs.get(place))))
        said += where or choose_said(self.places.find_pictures(concerned))
        if not said:
            return finding
        patterns = [to_pattern(one) for one in said]
        text = describe(patterns, [one.is_whole for one in said])
        return replace(finding, pattern=text, patterns=patterns)

    def _find(self, concerned: Concerned, runs: Runs | None) -> Iterator[Candidate]:
        reader = self.scanned.reader
        found = find_class(self.scanned.summary, concerned)
        if found is not None:
            yield found
        mine, theirs = self.keys.at(concerned.compared), self.keys.at(concerned.others)
        if mine and theirs:
            yield from find_names(concerned, mine, theirs, reader.name)
        if runs is not None:
            yield self._describe_runs(concerned, runs)

    def _describe_runs(self, concerned: Concerned, runs: Runs) -> Candidate:
        bounds = np.array(runs.bounds, np.int64).ravel()
        dataset = self.scanned.summary
        keys = self.keys.at(bounds)
        if keys and self.scanned.reader.name == "images":
            names, noun = keys, "files"
        else:
            indices = dataset.indices(dataset.addresses(bounds)).tolist()
            names = [f"{index:,}" for index in indices]
            is_row = all(key.endswith(f"[{i}]") for key, i in zip(keys, indices, strict=False))
            noun = "rows" if keys and is_row else "records"
        return describe_runs(concerned, runs, list(zip(names[::2], names[1::2], strict=True)), noun)

"""A download among the images did not finish.

What it is
    A file ends in ``.part``, ``.crdownload``, ``.aria2`` or ``.download``: programs give downloads
    such names until they are complete. If the finished file is missing, it is an error; if it
    exists as well, a warning.

Why it breaks training
    Loaders only list files with an image's extension, so the image is silently left out, and its
    class has fewer records than you think. A file next to an ``.aria2`` file has its full size from
    the start, but its rest may still be zeros.

How to find the cause
    Compare the dates of these files with the log of the download. A disk that was full or a
    connection that broke leaves many of them, all from the same minute.

How to fix it
    Download these files again, or delete the partial ones if the finished files are sound.

Example
    ``partial-download: 2 downloads did not finish, and the finished files are missing``

Limits
    Only the name is judged, not the content. In a dataset with a list, other files are not looked
    for.

Source
    The names that wget, curl, Firefox, Chrome, Safari and aria2 give to partial downloads.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from datascan.checks.base import Check, Issue, locations_from
from datascan.config.options import Severity
from datascan.metrics.base import DatasetSummary
from datascan.metrics.traits import FILES
from datascan.records import shard
from datascan.text import pluralize


class PartialDownload(Check[None]):
    """A download among the images did not finish."""

    rule = "partial-download"
    title = "Unfinished download"
    severity = Severity.WARNING
    subject = "files that are not records"
    needs = (FILES,)
    fix = "download these files again, or delete them if the finished files are sound"
    measure = None

    def evaluate(self, tally: None, dataset: DatasetSummary) -> Iterator[Issue]:  # noqa: ARG002  (nothing is measured)
        """An issue for the downloads without a finished file, and one for the others."""
        lost = [one for one in dataset.plan.partial if not one.has_whole]
        kept = [one for one in dataset.plan.partial if one.has_whole]
        if lost:
            yield self._issue(lost, "missing", Severity.ERROR)
        if kept:
            yield self._issue(kept, "there, too", Severity.WARNING)

    def _issue(
        self, found: Sequence[shard.PartialDownload], state: str, severity: Severity
    ) -> Issue:
        names = [one.name for one in found]
        verb = "file is" if len(names) == 1 else "files are"
        return self.dataset_issue(
            f"{pluralize(len(names), 'download')} did not finish, and the finished {verb} {state}",
            severity=severity,
            about=state,
            details=names,
            locations=locations_from(
                names, len(names), "\0".join(names).encode("utf-8", "surrogateescape")
            ),
        )

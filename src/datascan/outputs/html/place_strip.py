"""Where in the dataset the records of a finding are: a strip on its card."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise
from math import ceil

from markupsafe import Markup

from datascan.outputs.html.batch_figures import shade_of
from datascan.outputs.html.limits import Limits
from datascan.report.figures import Finding
from datascan.report.model import Report

MIN_RECORDS = 5
"""The places of fewer records are plain from the examples."""

MIN_CELLS, MAX_CELLS = 10, 200
HEIGHT = 14


def draw_places(same: Sequence[Finding], report: Report, limits: Limits) -> Markup:
    """The strip of the findings of one rule as SVG; empty if the report does not have it."""
    records = report.dataset.records
    lists = [finding.positions for finding in same if finding.positions]
    cells = len(lists[0]) if lists else 0
    fits = MIN_CELLS <= cells <= min(MAX_CELLS, records) and {*map(len, lists)} == {cells}
    counts = [sum(column) for column in zip(*lists, strict=True)] if fits else []
    if not limits.strips or sum(counts) < MIN_RECORDS:
        return Markup("")
    starts = [ceil(i * records / cells) for i in range(cells + 1)]
    sizes = [b - a for a, b in pairwise(starts)]
    shades = [shade_of(min(n, size), size) for n, size in zip(counts, sizes, strict=True)]
    return Markup(
        '<div class="strip"><div class="strip-store"><svg viewBox="0 0 {cells} 1" '
        'height="{height}" preserveAspectRatio="none" role="img" aria-label="{text}">'
        "<title>{text}</title>{paths}</svg>"
        '<p class="strip-ends" aria-hidden="true"><span>record 0</span><span>{last:,}</span></p>'
        "</div></div>"
    ).format(
        cells=cells,
        height=HEIGHT,
        text=describe_places(counts, starts),
        paths=Markup("").join(draw_runs(shades)),
        last=records - 1,
    )


def describe_places(counts: Sequence[int], starts: Sequence[int]) -> str:
    """The strip in words: how much of the dataset has any of the records, and which part."""
    filled = [place for place, count in enumerate(counts) if count]
    first, last = starts[filled[0]], starts[filled[-1] + 1] - 1
    share = f"{len(filled):,} of {len(counts):,} stretches"
    return f"Where these records are: in {share} of the dataset, from record {first:,} to {last:,}"


def draw_runs(shades: Sequence[int]) -> list[Markup]:
    """A path for each run of cells of one shade."""
    found, x = [], 0
    for shade, run in groupby(shades):
        width = len(list(run))
        if shade:
            path = Markup('<path class="shade-{}" d="M{} 0h{}v1h-{}z"/>')
            found.append(path.format(shade, x, width, width))
        x += width
    return found

"""Values and shapes: what the charts and their tables show."""

from __future__ import annotations

import json

from datascan.outputs.html import render
from datascan.report.figures import (
    ImageSize,
    ValueFigures,
    ValueHistogram,
)
from datascan.testing.reports import report
from tests.outputs.html.reading import held_in, read_safely


def test_values_that_are_not_finite_are_counted():
    nothing = ValueFigures(None, None, None, None, 6, 2)
    words = read_safely(render([report(values=nothing)])).words
    assert "No value is finite: 6 NaN, 2 Inf." in words


def test_the_histogram_is_a_chart_and_a_table():
    histogram = ValueHistogram([0.0, 1.0, 2.0], [3, 1], 7)
    text = render([report(histogram=histogram)])
    assert "The chart shows 7 records, spread evenly." in read_safely(text).words
    assert "75.00%" in read_safely(text).words
    drawn = json.loads(held_in(text))["report-values"]
    assert (drawn["edges"], drawn["counts"]) == ([0.0, 1.0, 2.0], [3, 1])


def test_image_sizes_are_dots():
    sizes = [ImageSize(64, 48, 900), ImageSize(48, 64, 100)]
    text = render([report(image_sizes=sizes)])
    assert len(read_safely(text).all("circle")) == 2
    assert "48 \N{MULTIPLICATION SIGN} 64 pixels" in text
    assert not read_safely(render([report(image_sizes=sizes[:1])])).all("circle")

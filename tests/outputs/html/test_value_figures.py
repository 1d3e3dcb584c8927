"""Values and shapes: what the charts and their tables show."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from datascan.outputs.html import render
from datascan.outputs.html.limits import LIMITS
from datascan.outputs.html.value_figures import (
    MAX_DOTS,
    format_size,
    scatter,
    shapes,
    sizes_of,
    ticks,
    value_histogram,
)
from datascan.report.figures import (
    DatasetInfo,
    ImageSize,
    ShapeFigures,
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


def values_figure(values, histogram=None):
    return value_histogram(report(values=values, histogram=histogram), LIMITS[0], "a")


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (
            ValueFigures(0, 255, 1.5, 2.5, 0, 1000),
            "0 to 255, mean 1.5, standard deviation 2.5; 0 NaN, 1,000 Inf.",
        ),
        (ValueFigures(0, 255, 1.5, None, 7, 0), "0 to 255, mean 1.5; 7 NaN, 0 Inf."),
        (ValueFigures(0, 255, None, None, 0, 0), "0 to 255; 0 NaN, 0 Inf."),
        (
            ValueFigures(0, 255, 1.5, 2.5, 0, 0, approximate=True),
            "0 to 255, mean about 1.5, standard deviation about 2.5; 0 NaN, 0 Inf.",
        ),
    ],
)
def test_values_in_words(values, text):
    assert values_figure(values).text == text


FINITE = ValueFigures(0, 2, 1.0, 1.0, 0, 0)


def test_bins():
    figure = values_figure(FINITE, ValueHistogram([0.0, 1.0, 2.0], [3, 1], 1))
    assert figure.text.endswith(" The chart shows 1 record, spread evenly.")
    assert [[cell.text for cell in row] for row in figure.table.rows] == [
        ["0", "1", "3", "75.00%"],
        ["1", "2", "1", "25.00%"],
    ]
    assert [cell.value for cell in figure.table.rows[0]] == [0, 1, 3, 0.75]


@pytest.mark.parametrize(
    ("edges", "counts", "is_drawn", "rows"),
    [
        ([0.0, 1.0], [3], True, 1),
        ([0.0, 1.0], [3, 1], False, 0),
        ([0.0], [], False, 0),
        ([-1e300, 1.0], [3], False, 1),
        ([0.0, 1e300], [3], False, 1),
        ([0.0, 9e299], [0], True, 1),
    ],
)
def test_which_histograms_are_drawn(edges, counts, is_drawn, rows):
    figure = values_figure(FINITE, ValueHistogram(edges, counts, 5))
    assert (figure.data is not None) == is_drawn
    assert len(figure.table.rows) == rows
    assert values_figure(FINITE).data is None


def kinds(*shaped, layout="raw", rows=2, **options):
    figures = [ShapeFigures(list(shape), "uint8", records) for shape, records in shaped]
    made = report(shapes=figures, dataset=DatasetInfo("lmdb", "store", layout, 9, 1), **options)
    return made, shapes(made, replace(LIMITS[0], rows=rows), "a")


def test_the_table_of_shapes():
    assert kinds()[1] is None
    _, figure = kinds(((3, 4, 5), 1500), ((), 500))
    assert (figure.title, figure.is_open, figure.drawing) == ("Shapes", True, None)
    assert figure.text == (
        "2 shapes; the most frequent is 3 \N{MULTIPLICATION SIGN} 4 \N{MULTIPLICATION SIGN} 5 "
        "uint8 (1,500 records)."
    )
    assert [[cell.text for cell in row][1:] for row in figure.table.rows] == [
        ["1,500", "75.00%"],
        ["500", "25.00%"],
    ]
    assert figure.table.rows[1][0].text == "scalar uint8"
    assert figure.table.note == ""


@pytest.mark.parametrize(
    ("count", "rows", "start", "note"),
    [
        (2, 2, "2 shapes; ", ""),
        (3, 2, "3 shapes; ", "The 2 most frequent shapes."),
        (99, 200, "99 shapes; ", ""),
        (100, 200, "100 shapes or more; ", "The 100 most frequent shapes."),
    ],
)
def test_how_many_shapes_are_listed(count, rows, start, note):
    _, figure = kinds(*(((i,), 1) for i in range(count)), rows=rows)
    assert figure.text.startswith(start)
    assert figure.table.note == note


def test_records_without_a_count():
    _, figure = kinds(((3,), 0))
    assert figure.table.rows[0][2].text == "0%"


def test_a_shape_of_many_axes_is_cut():
    assert format_size(ShapeFigures([1] * 20, "x" * 50, 1)).count("1") == 8
    assert "\\x1b" in format_size(ShapeFigures([1], "\x1b", 1))


def test_sizes_of_images():
    shaped = (((3, 4, 5), 2), ((1, 4, 5), 3), ((3, 5, 4), 1), ((7,), 9))
    for layout in ("image", "encoded image", "ocr"):
        made, figure = kinds(*shaped, layout=layout)
        assert sizes_of(made) == [(5, 4, 5), (4, 5, 1)]
        assert (figure.title, figure.is_open) == ("Image sizes", False)
        assert figure.drawing is not None
    assert sizes_of(kinds(*shaped)[0]) == []
    sizes = [ImageSize(i + 1, 1, 1) for i in range(MAX_DOTS + 1)]
    assert len(sizes_of(kinds(*shaped, image_sizes=sizes)[0])) == MAX_DOTS


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (1, 10, [1, 2, 5, 10]),
        (2, 4.9, [2]),
        (1, 100, [1, 2, 5, 10, 20, 50, 100]),
        (1, 200, [1, 10, 100]),
        (1, 1e7, [1, 10, 100, 1000, 10_000, 100_000]),
    ],
)
def test_round_numbers(low, high, expected):
    assert ticks(low, high) == expected


def circles(dots) -> list[tuple[float, float, float]]:
    found = re.findall(r'cx="([\d.]+)" cy="([\d.]+)" r="([\d.]+)"', str(scatter(dots)))
    return [tuple(map(float, one)) for one in found]


def test_dots_are_placed_by_their_logarithms():
    dots = circles([(10, 1000, 20), (100, 100, 5), (1000, 10, 1)])
    (x, y, large), (middle, across, medium), (right, low, small) = dots
    assert middle - x == pytest.approx(right - middle, abs=0.11)
    assert across - y == pytest.approx(low - across, abs=0.11)
    assert (large, medium) == (11.5, 7)
    assert small == pytest.approx(2.5 + 9 * (1 / 20) ** 0.5, abs=0.05)
    # A rotated image is the mirrored dot.
    assert x - 44 == pytest.approx(320 - low, abs=0.11)
    assert all(44 < one < 364 and 0 < other < 320 for one, other, _ in dots)


def test_few_images_make_small_dots():
    assert circles([(10, 10, 1), (20, 20, 2)])[0][2] == pytest.approx(2.5 + 9 * 0.1**0.5, abs=0.05)
    largest, _ = circles([(10, 10, 1), (20, 20, 400)])
    assert largest[2] == 11.5


def test_images_without_pixels_have_a_place():
    assert len(circles([(0, 0, 1), (0, 5, 1)])) == 2

"""Curves, strips and samples: true, and the same however the scan was done."""

from __future__ import annotations

import base64
import io

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from PIL import Image

import datascan
from datascan.config.options import Options
from datascan.executors.base import NullProgress, ScanCancelled
from datascan.metrics.batch_gaps import Epoch, compute_batch_gaps
from datascan.report import thumbnails
from datascan.report.build import build_report
from datascan.report.charts import add_charts
from datascan.report.figures import ValueFigures
from datascan.report.sampling import (
    MAX_VALUES,
    EncodedImages,
    HistogramBins,
    sample_indices,
)
from datascan.scanner.scan import scan
from datascan.session import select_checks
from tests.builders.images import encode, photo, pixels, write_tree
from tests.builders.lmdb import datum, numbered, write_lmdb
from tests.builders.plain import PlainReader
from tests.builders.sessions import report_of


def plain(values, labels, **options):
    """The illustrated report of an array."""
    reader = PlainReader(values, labels, **options)
    scanned = scan(reader, select_checks(reader.options))
    return add_charts(build_report(scanned, version="1"), scanned, NullProgress())


def of_labels(labels):
    values = np.random.default_rng(0).normal(size=(len(labels), 2))
    return plain(values, np.array(labels), workers=0)


@settings(deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=60))
def test_the_curve_is_that_of_the_gaps(labels):
    curve = of_labels(labels).gap_curve
    gaps = compute_batch_gaps(Epoch.of(np.array(labels)), curve.batch_sizes)
    assert curve.sequential == [gap.lacking / gap.batches for gap in gaps.sizes]
    assert curve.shuffled == [gap.p_lacking for gap in gaps.sizes]
    assert curve.batch_sizes == sorted(set(curve.batch_sizes))
    assert {1, len(labels), gaps.min_sequential, gaps.min_shuffled} <= set(curve.batch_sizes)


@settings(deadline=None)
@given(st.lists(st.integers(0, 90), min_size=1, max_size=500))
def test_the_strip_counts_every_record_in_its_place(labels):
    strip = of_labels(labels).strip
    assert strip.bins == min(200, len(labels))
    assert len(strip.rows) == min(60, len(set(labels)))
    stretch = np.arange(len(labels)) * strip.bins // len(labels)
    for row in strip.rows:
        own = [i for i, label in enumerate(labels) if row.first <= label <= row.last]
        assert (row.first_index, row.last_index, row.records) == (own[0], own[-1], len(own))
        assert row.counts == np.bincount(stretch[own], minlength=strip.bins).tolist()
    assert sum(row.records for row in strip.rows) == len(labels)


def test_labels_out_of_range_or_absent_have_no_place():
    report = plain(np.zeros((4, 2)), np.array([0, 7, 1, -1]), num_classes=2, workers=0)
    assert [(row.first, row.first_index) for row in report.strip.rows] == [(0, 0), (1, 2)]
    none = plain(np.zeros((4, 2)), np.array([0.5, 1.5, 2.5, 3.5]), workers=0)
    assert (none.strip, none.gap_curve) == (None, None)


def test_the_histogram_holds_the_finite_values_of_all_of_a_small_dataset():
    values = np.random.default_rng(0).normal(size=(200, 7)).astype(np.float32)
    values[3, 1], values[4, 2] = np.nan, np.inf
    report = plain(values, np.zeros(200, int), workers=0)
    finite = values[np.isfinite(values)].astype(np.float64)
    counts, edges = np.histogram(finite, 64, (finite.min(), finite.max()))
    assert report.histogram.records == 200
    assert np.allclose(report.histogram.bins, edges)
    assert np.abs(np.cumsum(report.histogram.counts) - np.cumsum(counts)).max() <= 1
    assert sum(report.histogram.counts) == 1398


@pytest.mark.parametrize(
    ("low", "high", "count"), [(0, 255, 64), (0, 1, 2), (0, 99, 50), (7, 7, 1), (-5, 58, 64)]
)
def test_whole_numbers_are_never_parted_unevenly(low, high, count):
    bins = HistogramBins.of(ValueFigures(low, high, 0, 0, 0, 0), whole=True)
    assert bins.count == count
    counts = bins.counted(np.arange(low, high + 1))
    assert counts.sum() == high - low + 1
    assert len(set(counts[:-1].tolist())) <= 1


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_bins_hold_values_of_any_size(values):
    bins = HistogramBins.of(ValueFigures(min(values), max(values), 0, 0, 0, 0), whole=False)
    assert bins.counted(np.array(values)).sum() == len(values)
    assert np.isfinite(bins.edges).all()
    assert bins.edges == sorted(bins.edges)


def test_samples_are_spread_evenly_and_bounded_by_bytes():
    scanned = scan(PlainReader(np.zeros((1000, 2)), np.zeros(1000, int), workers=0), [])
    few = sample_indices(scanned.summary, 1000 << 26)
    assert few.tolist() == [250, 750]
    many = sample_indices(scanned.summary, 1000)
    assert len(many) == 256
    assert set(np.diff(many)) == {3, 4}


@pytest.fixture
def pictures(tmp_path):
    """A folder with some faults."""
    files = {f"{'ab'[i % 2]}/{i:03}.jpg": photo(i) for i in range(40)}
    files["a/004.jpg"] = files["a/004.jpg"][:-200]
    files["b/005.jpg"] = b"<html>"
    files["a/006.jpg"] = encode(pixels(6, 40, 50), "PNG")
    return write_tree(tmp_path / "pictures", files)


def test_examples_have_thumbnails_and_what_is_no_picture_has_none(pictures):
    report = datascan.scan(pictures)
    named = {e.index: e.key for f in report.findings for e in f.examples if e.index is not None}
    shown = {named[int(index)] for index in report.thumbnails}
    assert shown == set(named.values()) - {"b/005.jpg"}
    assert {"a/004.jpg", "a/006.jpg"} <= shown


def test_workers_change_nothing(pictures):
    alone, together = (
        replace(datascan.scan(pictures, workers=workers), elapsed_seconds=0, started=None)
        for workers in (0, 2)
    )
    assert alone == together
    assert alone.thumbnails


def test_the_cutting_into_shards_changes_nothing(tmp_path):
    random = np.random.default_rng(0)
    values = [datum(random.integers(0, 256, (3, 20, 20), np.uint8), i % 3) for i in range(200)]
    values[40] = values[40][:100]
    values[50] = values[51]
    values[60] = b""
    path = write_lmdb(tmp_path / "store", numbered(values))
    coarse, fine = (
        replace(
            report_of(path, Options().replace(shard_bytes=size), charts=True),
            elapsed_seconds=0,
            started=None,
        )
        for size in (1 << 25, 1)
    )
    assert coarse == fine
    assert set(coarse.thumbnails) == {"51"}
    assert coarse.histogram.records == 198


def test_encoded_images_in_stores_are_shown(tmp_path):
    values = [datum(np.zeros(0), i % 2, encoded=photo(i)) for i in range(30)]
    values[7] = datum(np.zeros(0), 1, encoded=photo(7)[:700])
    report = datascan.scan(write_lmdb(tmp_path / "datums", numbered(values)))
    assert set(report.thumbnails) == {"7"}
    values = [photo(i) for i in range(30)]
    values[9] = values[9][:700]
    report = datascan.scan(write_lmdb(tmp_path / "images", numbered(values)))
    assert set(report.thumbnails) == {"9"}


def test_nothing_is_looked_at_again_unless_asked(pictures):
    report = datascan.scan(pictures, thumbnails=False)
    for member in ("thumbnails", "histogram", "gap_curve", "strip", "image_sizes"):
        assert getattr(report, member) is None


def test_a_record_that_kills_its_worker_costs_its_picture_only():
    values = np.random.default_rng(0).normal(size=(40, 6, 6))
    values[7, 0, 0] = np.nan
    report = plain(values, np.zeros(40, int), workers=1, deadly=[12])
    assert "reader-crash" in {finding.rule for finding in report.findings}
    assert set(report.thumbnails) == {"7"}
    assert report.histogram.records == 39


def test_image_sizes_are_exact_where_shapes_are_too_many(tmp_path):
    files = {f"{i:03}.png": encode(pixels(i, 10 + i % 110, 20), "PNG") for i in range(130)}
    report = datascan.scan(write_tree(tmp_path / "many", files))
    assert len(report.shapes) == 100
    sizes = {(one.width, one.height): one.records for one in report.image_sizes}
    assert sizes == {(20, 10 + i): 1 + (i < 20) for i in range(110)}


def test_datums_are_blue_first_and_rows_of_hdf5_red_first(tmp_path):
    pictures = np.zeros((3, 3, 8, 8), np.uint8)
    pictures[:, 0], pictures[:, 2] = 200, [[[9]], [[9]], [[8]]]
    values = [datum(picture, label) for picture, label in zip(pictures, [0, 0, 5], strict=True)]
    store = write_lmdb(tmp_path / "store", numbered(values))
    with h5py.File(tmp_path / "rows.h5", "w") as file:
        file["data"], file["label"] = pictures, np.array([0, 0, 5])
    for path, first, last in ((store, 9, 200), (tmp_path / "rows.h5", 200, 9)):
        shown = datascan.scan(path, num_classes=5).thumbnails["1"]
        image = Image.open(io.BytesIO(base64.b64decode(shown.partition(",")[2])))
        assert image.getpixel((4, 4)) == (first, 0, last)


class StopsAtOnce(NullProgress):
    """Cancels every scan."""

    def update(self, records, nbytes):
        raise ScanCancelled


@pytest.mark.parametrize("workers", [0, 1])
def test_a_scan_that_is_stopped_while_pictures_are_made_says_so(workers):
    values = np.random.default_rng(0).normal(size=(40, 2))
    reader = PlainReader(values, np.arange(40) % 3, workers=workers)
    scanned = scan(reader, select_checks(reader.options))
    report = build_report(scanned, version="1")
    stopped = add_charts(report, scanned, StopsAtOnce())
    assert stopped == replace(report, complete=False, verdict="incomplete")


def test_values_of_a_large_record_are_counted_in_part():
    bins = HistogramBins(0.0, 4.0, 4)
    values = np.tile(np.arange(4, dtype=np.uint8), (1 << 21) + 1)
    counts = bins.counted(values)
    assert MAX_VALUES // 2 <= counts.sum() <= 2 * MAX_VALUES
    assert counts.max() - counts.min() <= 1


def test_images_with_one_content_are_decoded_once(monkeypatch):
    decoded = []
    original = thumbnails.open_image

    def counting(*args, **options):
        decoded.append(args)
        return original(*args, **options)

    monkeypatch.setattr(thumbnails, "open_image", counting)
    images = EncodedImages(1 << 20, HistogramBins(0.0, 255.0, 4))
    first, second, other = (encode(pixels(seed), "PNG") for seed in (1, 1, 2))
    one = images.sample(first, show=True, sample=True)
    two = images.sample(memoryview(second), show=True, sample=True)
    assert one[0] is two[0]
    assert one[1] is two[1]
    assert len(decoded) == 2
    assert images.sample(other, show=False, sample=True)[0] is None
    assert len(decoded) == 3


@pytest.mark.parametrize("rows", [7, 64, 1_000])
def test_the_positions_of_a_finding_are_those_of_its_records(rows):
    values = np.random.default_rng(0).normal(size=(900, 3))
    bad = np.r_[100:160, 500, 899]
    values[bad, 1] = np.nan
    said = plain(values, np.arange(900) % 3, rows=rows, workers=0)
    (finding,) = (found for found in said.findings if found.rule == "nan-value")
    assert len(finding.positions) == 200
    assert finding.positions == np.bincount(bad * 200 // 900, minlength=200).tolist()
    assert all(f.positions is None for f in said.findings if not f.records)


def test_thumbnails_can_be_left_out(tmp_path):
    """The histogram is read all the same: it shows no record."""
    write_tree(tmp_path, {"a/0.jpg": photo(), "a/1.jpg": photo()[:-9], "b/0.jpg": photo(1)})
    with_pictures, without = (
        datascan.scan(tmp_path, backend="images", no_thumbnails=hidden) for hidden in (False, True)
    )
    assert with_pictures.histogram == without.histogram is not None
    assert with_pictures.thumbnails
    assert without.thumbnails is None
    assert "data:image/" not in without.to_html() + without.to_json()
    assert without.options is None or "no_thumbnails" not in without.options

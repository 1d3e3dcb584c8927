"""Text recognition datasets, without and with a store."""

from __future__ import annotations

import pytest

from datascan.config.options import Options
from datascan.readers.keyvalue.batch import KeyValueBatch
from datascan.readers.keyvalue.text_recognition import (
    LINES_PER_BATCH,
    TextLines,
    find_text_lines,
    plan_text_lines,
    read_text_lines,
)
from datascan.readers.lmdb.reader import LmdbReader
from datascan.records.block import Fault
from datascan.records.buffers import BytesColumn
from datascan.scanner.scan import scan
from datascan.session import ScanSession
from tests.builders.images import photo
from tests.builders.lmdb import write_lmdb


def iterate(entries, faults=()):
    """The entries of a dictionary, as a store would give them."""

    def iter_entries(span, *, values=True):
        keys = sorted(key for key in entries if span.first <= key < span.stop)
        contents = [entries[key] if values else b"" for key in keys]
        yield KeyValueBatch(BytesColumn.of(keys), BytesColumn.of(contents), tuple(faults))

    return iter_entries


def lines(*numbers, kinds=(b"image", b"label")):
    return {b"%s-%09d" % (kind, i): b"%s %d" % (kind, i) for kind in kinds for i in numbers}


def test_numbers_of_images_and_labels_are_found_once():
    entries = lines(1, 2, 4) | lines(3, kinds=(b"label",)) | {b"image-x": b"", b"imagf": b""}
    found = find_text_lines(iterate(entries))
    assert (found.numbers.tolist(), found.has) == ([1, 2, 3, 4], (True, True))
    assert find_text_lines(iterate({b"num-samples": b"3"})) is None


def test_shards_cover_every_number_up_to_the_limit():
    numbers = find_text_lines(iterate(lines(*range(1, 5000))))
    spans = [shard.span for shard in plan_text_lines(numbers, None)]
    assert spans == [TextLines(1, 4097), TextLines(4097, 5000)]
    assert [shard.span for shard in plan_text_lines(numbers, 10)] == [TextLines(1, 11)]


def test_missing_images_and_labels_are_faults():
    entries = lines(1) | lines(2, kinds=(b"image",)) | lines(3, kinds=(b"label",))
    entries |= lines(4) | {b"label-000000004": b""}
    (batch,) = read_text_lines(iterate(entries), TextLines(1, 9), values=True)
    assert [batch.keys[i] for i in range(4)] == [b"image-%09d" % i for i in range(1, 5)]
    assert [batch.values[i] for i in range(4)] == [b"image 1", b"image 2", b"", b"image 4"]
    assert batch.faults == (
        Fault(1, "missing-label", "label-000000002 is missing"),
        Fault(2, "malformed-record", "image-000000003 is missing"),
        Fault(3, "missing-label", "label-000000004 is empty"),
    )


def test_faults_of_the_store_are_reported_once_without_rows():
    fault = Fault(0, "damaged-store", "page 7 is overwritten", lost=3)
    kept = Fault(None, "damaged-store", "page 7 is overwritten")
    first, *others = read_text_lines(
        iterate(lines(*range(LINES_PER_BATCH + 1)), [fault]), TextLines(0, 999), values=True
    )
    assert first.faults == (kept, kept)
    assert [batch.faults for batch in others] == [()]
    (empty,) = read_text_lines(iterate({}, [fault]), TextLines(0, 9), values=False)
    assert (len(empty), empty.faults) == (0, (kept, kept))


def test_an_lmdb_of_text_lines(tmp_path):
    entries = {b"image-%09d" % i: b"\x89PNG\r\n\x1a\n%d" % i for i in range(1, 9) if i != 3}
    entries |= {b"label-%09d" % i: b"word" for i in range(1, 9) if i != 5}
    entries[b"num-samples"] = b"8"
    result = scan(LmdbReader((write_lmdb(tmp_path, entries),), Options()), [])
    assert result.summary.plan.layout == "ocr"
    assert result.summary.records == 8
    faults = result.summary.tallies["datascan.metrics.faults.measure_faults"].entries
    assert faults["malformed-record"].records.addresses.array.tolist() == [2]
    assert faults["missing-label"].records.addresses.array.tolist() == [4]


def test_without_values_no_label_is_called_empty():
    (batch,) = read_text_lines(iterate(lines(1, 2)), TextLines(1, 3), values=False)
    assert batch.faults == ()
    assert [batch.values[row] for row in range(2)] == [b"", b""]


@pytest.mark.parametrize(
    ("kinds", "keys", "note"),
    [
        ((b"label",), "label-000000001", "labels but no images"),
        ((b"image",), "image-000000001", "images but no labels"),
    ],
)
def test_what_no_record_has_is_not_missing(tmp_path, kinds, keys, note):
    entries = lines(*range(1, 31), kinds=kinds)
    if b"image" in kinds:
        entries = {key: photo(i) for i, key in enumerate(entries)}
    write_lmdb(tmp_path, {**entries, b"num-samples": b"30"})
    with ScanSession(tmp_path, Options()) as session:
        result = session.scan()
        report = session.report(charts=False)
        assert result.reader.keys(result.summary.plan.shards[0], [0]) == [keys]
    assert report.findings == []
    assert (report.verdict, report.dataset.records) == ("pass", 30)
    ((_, text),) = result.summary.plan.notes
    assert note in text


def test_an_empty_image_is_found_also_without_a_label(tmp_path):
    entries = lines(*range(1, 9), kinds=(b"label",))
    entries |= {b"image-%09d" % i: photo(i) for i in range(1, 9)}
    entries |= {b"image-%09d" % i: b"" for i in (3, 4, 5)} | {b"label-%09d" % 4: b""}
    del entries[b"label-%09d" % 5]
    write_lmdb(tmp_path, {**entries, b"num-samples": b"8"})
    with ScanSession(tmp_path, Options()) as session:
        report = session.report(charts=False)
    found = {one.rule: [example.index for example in one.examples] for one in report.findings}
    assert found == {"empty-record": [2, 3, 4], "missing-label": [3, 4]}

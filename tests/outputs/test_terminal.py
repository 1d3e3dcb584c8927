"""The terminal report: the verdict first, and nothing hostile reaches the terminal."""

from __future__ import annotations

import io
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datascan.outputs.terminal import in_bytes, percent, render, shortened, style
from datascan.report import (
    BatchFigures,
    Example,
    Finding,
    LabelFigures,
    MinBatchSize,
    Report,
    SequentialGaps,
    ShapeFigures,
    ShuffledGaps,
    Source,
    ValueFigures,
)


def finding(**changes) -> Finding:
    fields = {
        "rule": "nan-value",
        "severity": "error",
        "records": 5,
        "message": "5 of 1,000 records hold NaN",
        "fix": "drop these records",
        "examples": [Example(f"1 of {i} values", i, f"key{i}") for i in range(5)],
    }
    return Finding(**{**fields, **changes})


def report(*findings: Finding, **changes) -> Report:
    gap = BatchFigures(64, SequentialGaps(15, 3, 4, 2), ShuffledGaps(0.0118, 0.177, 4, 0.0012))
    fields = {
        "schema": "datascan-report/1",
        "datascan": "0.1.0",
        "complete": True,
        "verdict": "fail" if findings else "pass",
        "elapsed_seconds": 1.9,
        "dataset": Source("lmdb", "train_lmdb", "caffe-datum", 1000, 3_083_000),
        "findings": list(findings),
        "labels": LabelFigures(10, True, {str(i): 100 for i in range(10)}),
        "values": ValueFigures(0.0, 255.0, 120.7, 64.1, 0, 0),
        "shapes": [ShapeFigures([3, 32, 32], "uint8", 1000)],
        "batch_sizes": [gap],
        "min_batch_size": MinBatchSize(97, 66),
    }
    return Report(**{**fields, **changes})


def lines(*findings: Finding, width: int = 100, **changes) -> list[str]:
    return render(report(*findings, **changes), colour=False, width=width).splitlines()


def test_the_verdict_comes_first():
    assert lines()[0] == "PASS  train_lmdb  (lmdb, caffe-datum)"
    assert lines()[1].strip() == "1,000 records, 3.1 MB in 1.90 s: no findings"
    assert lines(finding())[0].startswith("FAIL  train_lmdb")
    assert lines(finding(), finding(severity="info"))[1].endswith(": 1 error, 1 info")


def test_a_finding():
    text = "\n".join(lines(finding()))
    assert "ERROR   nan-value\n  5 of 1,000 records hold NaN\n    #0  key0  1 of 0 values" in text
    assert "#2  key2" in text
    assert "#3" not in text
    assert "and 2 more; --bad-records FILE lists them all" in text
    assert "  -> drop these records" in text


def test_figures_in_a_line_each():
    text = lines()
    assert "labels  10 classes declared, 100 records each" in text
    assert "shapes  3x32x32 uint8 (1,000)" in text
    assert "values  0 to 255, mean 120.7, std 64.1" in text
    assert "smallest safe batch size: 97 in store order, 66 shuffled" in text[-1]
    assert text[-2].split() == ["64", "3", "of", "15", "4", "1.18%", "0.2", "4"]


def test_labels_out_of_range_are_no_class_sizes():
    labels = LabelFigures(2, True, {"-1": 1, "0": 7, "1": 9, "5": 1000}, names=["a", "b"])
    expected = "labels  2 classes declared, 7 (class 0 'a') to 9 (class 1 'b') records each"
    assert expected in lines(labels=labels)


def test_without_labels_and_values():
    text = "\n".join(lines(labels=None, values=None, shapes=[], batch_sizes=[]))
    assert "labels" not in text
    assert "values" not in text
    assert "batch" not in text


def test_incomplete():
    assert any(line.startswith("INCOMPLETE") for line in lines(complete=False))


def test_colour_only_where_asked():
    assert "\x1b[" not in render(report(finding()), colour=False, width=80)
    assert "\x1b[1;31m" in render(report(finding()), colour=True, width=80)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_when_to_colour(monkeypatch):
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert style(Terminal())
    assert not style(io.StringIO())
    monkeypatch.setenv("NO_COLOR", "1")
    assert not style(Terminal())
    monkeypatch.setenv("NO_COLOR", "")
    monkeypatch.setenv("TERM", "dumb")
    assert not style(Terminal())


@given(st.text(), st.text(), st.text())
def test_hostile_text_stays_in_its_line(key, detail, path):
    hostile = finding(examples=[Example(detail, 0, key)], message=detail, fix=detail)
    text = render(
        report(hostile, dataset=Source("lmdb", path, "raw", 1, 1)), colour=False, width=80
    )
    for character in text.replace("\n", ""):
        assert unicodedata.category(character)[0] != "C"
    plain = render(report(finding(examples=[])), colour=False, width=80)
    assert text.count("PASS") + text.count("FAIL") >= plain.count("FAIL")
    text.encode()


@given(st.text(alphabet="abc  ", max_size=400), st.integers(80, 140))
def test_lines_are_not_too_wide(detail, width):
    for line in lines(finding(message=detail), width=width, batch_sizes=[]):
        assert len(line) <= width or len(line.split()) == 1


def test_long_keys_are_cut_in_the_middle():
    assert shortened("abcdefghij", 9) == "abc...hij"
    assert shortened("abc", 9) == "abc"


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (154_150_000, "154.2 MB"), (4_900_000_000_000_000, "4900.0 TB")],
)
def test_bytes(count, text):
    assert in_bytes(count) == text


def test_what_is_not_0_never_looks_like_it():
    assert [percent(p) for p in (0, 1e-9, 0.0118, 1)] == ["0%", "< 0.01%", "1.18%", "100.00%"]

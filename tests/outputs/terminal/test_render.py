"""The terminal report: the verdict first, and nothing hostile reaches the terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from datascan.outputs.terminal import render as terminal
from datascan.outputs.terminal.findings import example_lines
from datascan.outputs.terminal.paper import (
    Paper,
    columns,
    shorten,
)
from datascan.outputs.terminal.render import render
from datascan.report.failed_scan import FailedScan
from datascan.report.figures import (
    BadRecords,
    BatchFigures,
    CheckedRule,
    DatasetInfo,
    Example,
    Finding,
    LabelFigures,
    MinBatchSize,
    SequentialGaps,
    ShapeFigures,
    ShuffledGaps,
)
from datascan.testing.output_laws import OutputLaws
from datascan.testing.reports import ANY_TEXT, finding, report


class TestLaws(OutputLaws):
    output = terminal

    def read(self, text):
        assert all(c == "\n" or unicodedata.category(c)[0] != "C" for c in text)


DATASET = report().dataset


def lines(*findings: Finding, width: int = 100, **changes) -> list[str]:
    return render([report(*findings, **changes)], colour=False, width=width).splitlines()


def test_the_verdict_comes_first():
    assert lines()[0] == "PASS  train_lmdb  (lmdb, caffe-datum)"
    assert lines(finding())[0] == "FAIL  train_lmdb  (lmdb, caffe-datum)"
    assert lines(finding(), finding(severity="info"))[1:3] == [
        "      1,000 records, 3.1 MB in 1.90 s",
        "      1 error, 1 info",
    ]


def test_the_third_line_counts_records():
    counts = BadRecords(error=45, warning=44, info=0, any=89)
    assert lines(finding(), bad_records=counts)[2] == (
        "      45 of 1,000 records have errors (4.50%), 44 more have warnings"
    )


def test_a_clean_report_says_so():
    assert lines()[2].strip() == "no findings; nothing here should break training"
    assert not any("->" in line for line in lines())


@pytest.mark.parametrize(
    "changes", [{"complete": False}, {"dataset": DatasetInfo("lmdb", "x", "raw", 0, 0)}]
)
def test_what_was_not_checked_is_not_called_harmless(changes):
    text = "\n".join(lines(**changes))
    assert "no findings" in text
    assert "should break" not in text


def test_a_finding():
    assert lines(finding())[4:11] == [
        "ERROR   Missing values (NaN)  [nan-value]  0.50% of records",
        "  5 of 1,000 records hold NaN",
        "    #0  key0  1 of 0 values",
        "    #2  key2  1 of 2 values",
        "    #4  key4  1 of 4 values",
        "    and 2 more; --bad-records FILE lists them all",
        "  -> drop these records",
    ]


def test_findings_keep_their_order_and_those_of_a_rule_stand_together():
    said = lines(
        finding(rule="shape-mismatch", message="first", records=9),
        finding(rule="nan-value", message="second"),
        finding(rule="shape-mismatch", message="third", severity="warning", records=1),
    )
    words = [line.strip() for line in said]
    shown = [word for word in words if word.split()[-1:] in (["first"], ["third"], ["second"])]
    assert shown == ["first", "(warning) third", "second"]
    # Without a share: which of the two would it be of?
    assert "ERROR   Size differs from the others  [shape-mismatch]" in said


def test_more_findings_of_a_rule_than_one_reads():
    gaps = [
        finding(rule="batch-label-gap", message=f"gap {i}", records=0, examples=[])
        for i in range(7)
    ]
    said = lines(*gaps)
    assert [line.strip() for line in said if line.strip().startswith("gap ")] == [
        "gap 0",
        "gap 1",
        "gap 2",
        "gap 3",
    ]
    assert "  and 3 more of this rule" in said


def test_details_that_name_no_record():
    said = lines(finding(records=0, examples=[Example(f"page {i}") for i in range(5)]))
    assert said[4:10] == [
        "ERROR   Missing values (NaN)  [nan-value]",
        "  5 of 1,000 records hold NaN",
        "    page 0",
        "    page 1",
        "    page 2",
        "    and 2 more",
    ]
    full = lines(finding(records=0, examples=[Example(f"page {i}") for i in range(20)]))
    assert "    and at least 17 more" in full


def test_a_detail_that_the_message_tells_is_not_told_again():
    said = lines(finding(message="page 7 is overwritten", examples=[Example("page 7")]))
    assert not any(line.strip() == "page 7" for line in said)


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
    nothing = LabelFigures(2, True, {"7": 1}, missing=3)
    assert "labels  2 classes declared, no label in range; 3 records without" in lines(
        labels=nothing
    )


def test_regression_targets():
    labels = LabelFigures(None, False, {}, kind="regression", min=-1.5, max=2.25)
    assert "labels  regression targets, -1.5 to 2.25" in lines(labels=labels)
    labels = LabelFigures(None, False, {}, kind="regression")
    assert "labels  regression targets, ? to ?" in lines(labels=labels)


def test_many_shapes():
    shapes = [ShapeFigures([3, i, 5], "uint8", 100 - i) for i in range(100)]
    text = "\n".join(lines(shapes=shapes))
    assert "3x3x5 uint8 (97), and 96 more" in text
    assert "3x4x5" not in text
    assert "shapes  scalar int8 (1)" in lines(shapes=[ShapeFigures([], "int8", 1)])


def test_without_labels_and_values():
    said = lines(labels=None, values=None, shapes=[], batch_sizes=[], min_batch_size=None)
    assert len(said) == 3


def test_incomplete():
    text = lines(complete=False)[3]
    assert text == "      the scan was stopped after 1,000 records; the rest was not checked"
    assert "\x1b[1;32m" not in render([report(complete=False)], colour=True, width=80)
    stopped = lines(complete=False, verdict="incomplete", dataset=replace(DATASET, total=60_000))
    assert stopped[0] == "INCOMPLETE  train_lmdb  (lmdb, caffe-datum)"
    assert stopped[3].strip() == (
        "the scan was stopped after 1,000 of 60,000 records (1.67%); the rest was not checked"
    )


def test_a_limit_is_in_the_head():
    limited = replace(DATASET, limit=1_000, total=50_000)
    assert "first 1,000 of 50,000 records, 3.1 MB" in lines(dataset=limited)[1]
    assert "first 1,000 records, 3.1 MB" in lines(dataset=replace(limited, total=None))[1]
    assert lines(dataset=replace(limited, limit=2_000, total=None))[1].strip().startswith("1,000 r")


def test_rules_that_do_not_apply_are_counted_with_the_reason():
    checked = [
        CheckedRule("nan-value", "failed"),
        CheckedRule("inf-value", "passed"),
        CheckedRule("empty-class", "not-applicable", "no labels"),
        CheckedRule("missing-label", "not-applicable", "no labels"),
        CheckedRule("corrupt-image", "not-applicable", "no images"),
    ]
    assert lines(finding(), checked=checked)[3].strip() == (
        "1 rule passed, 1 failed, 3 do not apply: no labels, no images"
    )


def test_a_tall_report_says_its_verdict_again_at_its_end():
    rules = [finding(rule=f"rule-{i}") for i in range(10)]
    said = lines(*rules)
    assert said[-3:] == said[:3]
    assert lines(finding())[-1] != lines(finding())[2]


def test_ten_thousand_classes_and_35_findings():
    rules = [finding(rule=f"rule-{i}") for i in range(35)]
    counts = {str(i): 100 + i % 7 for i in range(10_000)}
    gap = BatchFigures(256, SequentialGaps(9, 9, 9999, 9), ShuffledGaps(1.0, 9.0, 9999, 0.97))
    said = lines(
        *rules,
        width=80,
        labels=LabelFigures(10_000, False, counts),
        batch_sizes=[gap] * 4,
        min_batch_size=MinBatchSize(1_280_000, 120_000),
    )
    assert "labels  10,000 classes, 100 (class 0) to 106 (class 6) records each" in said
    assert len(said) < 35 * 8 + 22
    assert max(map(len, said)) <= 80


def test_colour_only_where_asked():
    assert "\x1b" not in render([report(finding())], colour=False, width=80)
    coloured = render([report(finding())], colour=True, width=80)
    assert coloured.startswith("\x1b[1;31mFAIL\x1b[0m  train_lmdb")
    assert render([report()], colour=True, width=80).startswith("\x1b[1;32mPASS\x1b[0m")
    assert coloured.count("\x1b[0m") * 2 == coloured.count("\x1b")


def test_without_unicode_everything_is_ascii():
    said = render(
        [
            report(
                finding(examples=[Example("café", 1, "数据")]),
                dataset=DatasetInfo("ü", "é", "ß", 1, 1),
            )
        ],
        colour=True,
        width=80,
        unicode=False,
    )
    assert said.isascii()
    assert r"#1  \u6570\u636e  caf\xe9" in said


@given(ANY_TEXT, ANY_TEXT, ANY_TEXT, st.booleans())
def test_hostile_text_stays_in_its_line(key, detail, other, unicode):
    def page(key: str, detail: str, other: str) -> str:
        hostile = finding(
            rule=other,
            message=f"message {detail}",
            fix=f"fix {detail}",
            examples=[Example(f"detail {detail}", 0, key)],
        )
        return render(
            [
                report(
                    hostile,
                    dataset=DatasetInfo(other, key, other, 1, 1),
                    shapes=[ShapeFigures([1], other, 1)],
                    labels=LabelFigures(2, True, {"0": 1, "1": 2}, names=[other, key]),
                )
            ],
            colour=False,
            width=10_000,
            unicode=unicode,
        )

    text = page(key, detail, other)
    for character in text.replace("\n", ""):
        assert character == " " or unicodedata.category(character)[0] not in "CZ"
    assert len(text.splitlines()) == len(page("key", "", "").splitlines())
    text.encode("utf-8" if unicode else "ascii")


WORDS = st.text(alphabet="ab  数\u0301", max_size=300)


@given(WORDS, WORDS, st.integers(80, 140))
def test_lines_are_not_too_wide(detail, key, width):
    examples = [Example(detail, 123_456, key), Example(detail)]
    for line in lines(finding(message=detail, fix=detail, examples=examples), width=width):
        assert columns(line) <= width or len(line.split()) == 1


@given(st.integers(-5, 79))
def test_a_narrow_terminal(width):
    for line in lines(finding(), width=width, batch_sizes=[], min_batch_size=None):
        assert len(line) <= max(width, 30)


def test_long_keys_are_cut_in_the_middle():
    assert shorten("abcdefghij", 9) == "abc...hij"
    assert shorten("abc", 9) == "abc"
    assert shorten("数据数据数据", 9) == "数...据"


def test_several_reports_and_failed_scans():
    text = render([report(finding()), report()], [FailedScan("a\nb", "no such path")])
    verdicts = [line[:16] for line in text.splitlines() if line.startswith(("PASS", "FAIL"))]
    assert verdicts == ["FAIL  train_lmdb", "PASS  train_lmdb", "FAIL  a\\nb"]
    assert text.endswith("\n\nFAIL  a\\nb\n      not scanned: no such path\n")
    assert render([]) == "no dataset was scanned\n"


@pytest.mark.parametrize("width", [100, 40])
def test_keys_and_details_are_whole(width):
    example = Example("d" * 300, 13_337, "k" * 200)
    text = " ".join(example_lines(example, Paper(colour=False, width=width, unicode=False)))
    assert text.split() == ["#13337", "k" * 200, "d" * 300]


def test_absurdly_long_names_are_cut():
    example = Example("detail", 7, "k" * 100_000)
    text = " ".join(example_lines(example, Paper(colour=False, width=100, unicode=False)))
    assert 900 < text.count("k") <= 1000


def test_images_are_shown_as_width_and_height():
    dataset = replace(DATASET, layout="image")
    shapes = [ShapeFigures([3, 48, 64], "uint8", 58), ShapeFigures([1, 5, 7], "uint8", 2)]
    expected = "shapes  64x48 pixels, 3 channels, uint8 (58), 7x5 pixels, 1 channel, uint8 (2)"
    assert expected in lines(dataset=dataset, shapes=shapes)


@pytest.mark.parametrize(
    ("counts", "whole", "part"),
    [
        ({"0": 5}, "9 of which are empty", "9 of which were not read"),
        ({str(i): 5 for i in range(9)}, "1 of which is empty", "1 of which was not read"),
    ],
)
def test_a_class_is_empty_only_in_a_whole_dataset(counts, whole, part):
    labels = LabelFigures(kind="class", num_classes=10, declared=True, counts=counts)

    def shown(**changes):
        return " ".join(lines(finding(), labels=labels, **changes))

    assert whole in shown()
    assert part in shown(complete=False, verdict="incomplete")
    assert part in shown(dataset=replace(DATASET, total=DATASET.records + 1))

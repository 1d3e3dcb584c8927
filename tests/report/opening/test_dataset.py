"""The opening of a dataset's report: nobody is counted twice, and the numbers add up."""

from __future__ import annotations

import re
from dataclasses import replace as replace_in

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from datascan.checks.base import Issue, Location
from datascan.config.baseline import Acceptance
from datascan.config.options import Severity
from datascan.metrics.base import Flagged
from datascan.plugins import CHECKS
from datascan.report.bad_records import find_bad_records
from datascan.report.figures import DatasetInfo
from datascan.report.opening.dataset import open_dataset

IMAGES = DatasetInfo("images", "imgs", "image", 5000, 1)
RECORDS = DatasetInfo("lmdb", "store", "caffe-datum", 5000, 1)


def issue(rule, rows, severity="error", details=None, **more) -> Issue:
    facts = np.array(["x" for _ in rows] if details is None else details, object)
    return Issue(
        rule,
        Severity(severity),
        "message",
        "fix",
        records=more.pop("records", len(rows)),
        flagged=Flagged.of(np.array(rows, np.int64), facts),
        **more,
    )


def whole(rule, severity="error", **more) -> Issue:
    return Issue(rule, Severity(severity), "message", "fix", **more)


def opened(*issues, dataset=IMAGES, complete=True) -> list[str]:
    return open_dataset(issues, dataset, complete=complete)


def test_what_to_do_in_three_sentences():
    cut, page = ["JPEG: Premature end of JPEG file"] * 10, ["the page '404'"] * 6
    assert opened(
        issue("conflicting-label", range(100, 118)),
        issue("corrupt-image", range(10), details=cut),
        issue("not-an-image", range(10, 16), details=page),
        issue("empty-record", range(16, 21)),
        issue("duplicate-record", range(200, 240), "warning"),
        issue("odd-size", range(240, 248), "warning"),
    ) == [
        (
            "21 of 5,000 images cannot be used (10 cut off, 6 web pages, 5 empty): download them "
            "again."
        ),
        "18 images are in two classes: decide which.",
        "48 are unusual (40 copies of others, 8 of an odd size); have a look.",
    ]


def test_a_record_is_counted_once_under_the_first_that_concerns_it():
    assert opened(
        issue("nan-value", [1, 2, 3]),
        issue("inf-value", [3, 4]),
        issue("conflicting-label", [4, 5, 6]),
        issue("duplicate-record", [1, 5, 7], "warning"),
        issue("extreme-value", [7, 4], "warning"),
        dataset=RECORDS,
    ) == [
        (
            "4 of 5,000 records cannot be used (3 with missing values, 1 with infinite values): "
            "compute them again."
        ),
        "2 records have the same content under different labels: decide which is right.",
        "1 is unusual (copy of another); have a look.",
    ]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(CHECKS),
            st.sampled_from(["error", "warning", "info"]),
            st.sets(st.integers(0, 40), min_size=1),
        ),
        max_size=8,
    )
)
def test_the_numbers_add_up(found):
    issues = [issue(rule, sorted(rows), severity) for rule, severity, rows in found]
    said = opened(*issues)
    assert 1 <= len(said) <= 3
    text = " ".join(said).replace(" of 5,000 images", "").replace(" images", "")
    text = text.replace(" image", "")
    counts = []
    unusable_or_unusual = r"(\d+) (?:cannot be used|is unusual|are unusual) \((.*?)\)[:;,]"
    for number, why in re.findall(unusable_or_unusual, text):
        each = [int(count) for count in re.findall(r"(?:^|, )(\d+) ", why)]
        assert not each or sum(each) == int(number)
        counts.append(int(number))
    counts += map(int, re.findall(r"(\d+) (?:is in two|are in two|has no|have no)", text))
    assert sum(counts) == len(find_bad_records(issues, Severity.WARNING))


def test_the_first_number_says_of_how_many():
    unusual = issue("odd-size", [3], "warning")
    assert opened(unusual) == ["1 of 5,000 images is unusual (of an odd size); have a look."]
    part = replace(IMAGES, limit=5000, total=60_000)
    assert opened(unusual, dataset=part)[0].startswith("1 of the first 5,000 images is")
    sample = replace(IMAGES, sample=5000, total=60_000)
    assert opened(unusual, dataset=sample)[0].startswith("1 of a sample of 5,000 images is")


def test_many_have_a_common_cause_and_are_never_dropped():
    said = opened(issue("nan-value", range(251)), dataset=RECORDS)
    assert said == [
        "251 of 5,000 records cannot be used (with missing values): find the common cause."
    ]


def test_different_reasons_have_a_common_remedy():
    assert opened(issue("nan-value", [1]), issue("empty-record", [2]), dataset=RECORDS) == [
        (
            "2 of 5,000 records cannot be used (1 empty, 1 with missing values): repair or replace "
            "them."
        )
    ]
    assert opened(issue("label-out-of-range", [1]), dataset=RECORDS) == [
        "1 of 5,000 records cannot be used (of a class that does not exist): correct its label."
    ]


def test_more_reasons_than_one_reads():
    rules = ("empty-record", "not-an-image", "corrupt-image", "oversized-image", "nan-value")
    found = [issue(rule, range(10 * i, 10 * i + i + 1)) for i, rule in enumerate(rules)]
    assert opened(*found)[0] == (
        "15 of 5,000 images cannot be used (5 with missing values, 4 too large to open, 3 "
        "damaged, 3 for other reasons): repair or replace them."
    )


def test_a_rule_of_another_package_is_called_by_its_title():
    assert opened(issue("too-bright", [1, 2], "warning"))[0] == (
        '2 of 5,000 images are unusual (with "Too bright"); have a look.'
    )


def test_a_damaged_store():
    lost = issue("damaged-store", [], records=1200, locations=(Location("page 7"),))
    said = opened(lost, issue("nan-value", [1]), dataset=RECORDS)
    assert said == [
        "A part of the dataset cannot be read (1,200 records lost): copy it again.",
        "1 of 5,000 records cannot be used (with missing values): compute it again.",
    ]


def test_nothing_is_left_out_of_three_sentences():
    said = opened(
        whole("truncated-store"),
        issue("nan-value", [1]),
        issue("conflicting-label", [2, 3]),
        issue("odd-size", [4], "warning"),
        whole("class-imbalance", "warning"),
    )
    assert said == [
        "The dataset is cut off: copy it again.",
        "1 of 5,000 images cannot be used (with missing values): compute it again.",
        (
            "2 images are in two classes: decide which; 1 is unusual (of an odd size), and some "
            "classes are far rarer than others; have a look."
        ),
    ]


def test_the_dataset_as_a_whole():
    assert opened(whole("class-imbalance", "warning"), whole("key-gap", "warning")) == [
        (
            "Some numbers are missing in the names and some classes are far rarer than others; "
            "have a look."
        )
    ]


@pytest.mark.parametrize("issues", [(), (issue("trailing-bytes", [1], "info"),)])
def test_a_clean_dataset_is_one_sentence(issues):
    assert opened(*issues) == ["Nothing was found that needs attention in 5,000 images."]


def test_what_is_accepted_does_not_count():
    known = replace_in(issue("nan-value", [1]), accepted=Acceptance("known", None))
    assert opened(known) == ["Nothing new was found that needs attention in 5,000 images."]


def test_a_scan_that_was_stopped_says_so():
    part = replace(IMAGES, records=1024, total=60_000)
    assert opened(dataset=part, complete=False) == [
        (
            "Nothing was found that needs attention in the 1,024 images that were read; the rest "
            "was not checked."
        )
    ]
    assert opened(issue("empty-record", [1]), dataset=part, complete=False) == [
        (
            "1 of the 1,024 images that were read cannot be used (empty): download it again; the "
            "rest was not checked."
        )
    ]


def test_no_records():
    none = replace(RECORDS, records=0)
    assert opened(whole("empty-dataset"), dataset=none) == [
        "The dataset is empty: check its source."
    ]
    assert opened(dataset=none, complete=False) == ["No record was read; the rest was not checked."]

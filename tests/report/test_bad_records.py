"""The list has every bad record once for each rule, in order, with any key."""

from __future__ import annotations

import json
import re

import numpy as np
from hypothesis import given

from datascan.checks.base import Issue
from datascan.metrics.base import Concatenated, Flagged
from datascan.report.bad_records import iter_bad_records, with_source
from datascan.testing.reports import ANY_TEXT
from tests.builders.judged import address, judgement, scanned_of


def listed(*judgements: Issue, **more) -> list[tuple[int, str, str, str, str]]:
    more = {"bad_records_severity": "info", **more}
    found = [json.loads(line) for line in iter_bad_records(scanned_of(*judgements, **more))]
    return [tuple(line.values()) for line in found]


def test_a_line():
    (line,) = iter_bad_records(scanned_of(judgement("nan-value", "error", (2, 1))))
    assert line == (
        '{"index": 4, "key": "e", "rule": "nan-value", "severity": "error", '
        '"detail": "nan-value at 2/1"}\n'
    )


def test_lines_are_ordered_by_index_then_severity_then_rule():
    found = listed(
        judgement("a-note", "info", (0, 1), (2, 0)),
        judgement("z-error", "error", (0, 1), (2, 0)),
        judgement("b-error", "error", (0, 1)),
        judgement("m-warning", "warning", (0, 0), (0, 1)),
    )
    assert [line[:4] for line in found] == [
        (0, "a", "m-warning", "warning"),
        (1, "b", "b-error", "error"),
        (1, "b", "z-error", "error"),
        (1, "b", "m-warning", "warning"),
        (1, "b", "a-note", "info"),
        (3, "d", "z-error", "error"),
        (3, "d", "a-note", "info"),
    ]


def test_addresses_in_any_order_and_in_pieces():
    places = [(2, 1), (0, 2), (0, 0)]
    pieces = [np.array([address(*place)], np.int64) for place in places]
    facts = [np.array([place], np.int64) for place in places]
    flagged = Flagged(Concatenated(tuple(pieces)), Concatenated(tuple(facts)))
    found = listed(judgement("r", "error", flagged=flagged, describe=lambda f: f"{f[0]}/{f[1]}"))
    assert [(line[0], line[4]) for line in found] == [(0, "0/0"), (2, "0/2"), (4, "2/1")]


def test_a_pair_of_record_and_rule_appears_once_as_the_worse():
    found = listed(
        judgement("shape-mismatch", "warning", (0, 0), (0, 1)),
        judgement("nan-value", "error", (0, 1)),
        judgement("shape-mismatch", "error", (0, 1), (0, 1)),
    )
    assert [line[:4] for line in found] == [
        (0, "a", "shape-mismatch", "warning"),
        (1, "b", "nan-value", "error"),
        (1, "b", "shape-mismatch", "error"),
    ]


def test_keys_are_looked_up_once_a_shard_and_no_earlier_than_needed():
    keys = [[f"{shard}/{row}" for row in range(50)] for shard in range(4)]
    scanned = scanned_of(
        judgement("a", "error", *[(s, r) for s in (0, 1, 3) for r in range(0, 50, 2)]),
        judgement("b", "error", *[(s, r) for s in (0, 1, 3) for r in range(0, 50, 5)]),
        keys=keys,
    )
    asked = scanned.reader.asked
    found = iter_bad_records(scanned)
    assert asked == []
    next(found)
    assert [shard for shard, _ in asked] == [0]
    assert sum(1 for _ in found) == 3 * (25 + 10) - 1
    assert [shard for shard, _ in asked] == [0, 1, 3]
    rows = sorted({*range(0, 50, 2), *range(0, 50, 5)})
    assert [at for _, at in asked] == [rows] * 3


def test_what_names_no_record_is_not_listed():
    assert listed(judgement("empty-class", "warning", details=("class 3",), records=0)) == []
    assert listed() == []


def test_more_than_twenty_of_a_rule():
    keys = [[str(i) for i in range(1000)]]
    assert len(listed(judgement("a", "error", *[(0, i) for i in range(1000)]), keys=keys)) == 1000


@given(ANY_TEXT, ANY_TEXT)
def test_hostile_keys_stay_in_their_line(key, detail):
    said = judgement("a", "error", (0, 0), (0, 1), describe=lambda _: detail)
    found = list(iter_bad_records(scanned_of(said, keys=[(key, "\x1b\n\udcff")])))
    assert len(found) == 2
    for line in found:
        line.encode("utf-8")
        assert not re.search("[\x00-\x1f]", line[:-1])
        assert line.endswith("}\n")
        assert json.loads(line)["rule"] == "a"
    if not re.search("[\ud800-\udfff]", key + detail):
        assert (json.loads(found[0])["key"], json.loads(found[0])["detail"]) == (key, detail)
    assert json.loads(found[1])["key"] == "\x1b\n\\xff"


def test_lines_of_a_source_name_it_first():
    lines = iter_bad_records(scanned_of(judgement("nan-value", "error", (2, 1))))
    (line,) = with_source(lines, "größe\udcff", "TEST")
    assert line == (
        '{"source": "größe\\\\xff", "phase": "TEST", "index": 4, "key": "e", "rule": "nan-value", '
        '"severity": "error", "detail": "nan-value at 2/1"}\n'
    )

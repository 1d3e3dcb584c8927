"""What every rule and every check must obey.

Inherit :class:`CheckLaws` in a test module and name the checks::

    class TestClippedAction(CheckLaws):
        rules = (ClippedAction,)

        def blocks(self):
            return blocks(values=(-1.0, 0.5, 1.0), columns=("actions",))
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from datascan.checks.base import MAX_EXAMPLES, Check, Rule
from datascan.config.options import Severity
from datascan.records.block import Block, Fault
from datascan.scanner.result import ScanResult
from datascan.scanner.scan import evaluate_check, scan
from datascan.testing.blocks import (
    BlockReader,
    PlainIssue,
    block_of_columns,
    column_of,
    cut,
    images_of,
    pickled,
    plain_issue,
)
from datascan.testing.profile import examples

HEADINGS = (
    "What it is",
    "Why it breaks training",
    "How to find the cause",
    "How to fix it",
    "Example",
    "Limits",
    "Source",
)
"""The headings of the page of every rule."""

MAX_TITLE = 40
NAMES = frozenset({"NaN", "Inf", "Caffe"})
JARGON = re.compile(
    "array|blob|buffer|bytes?|checksum|chunk|codec|datum|dimension|dtype|exif|float|header|index|"
    "integer|lmdb|leveldb|hdf5|metadata|null|outlier|parse|pickle|pixel|shape|shard|store|tensor"
)
"""Words that an owner of a dataset who does not program may not know."""


def title_words(title: str) -> list[str]:
    """The words of a title, without punctuation."""
    return re.findall(r"[\w-]+", title)


PLAN: dict[str, Any] = {
    "declared_count": ("num-samples", 7),
    "class_names": ("cat", "dog", "frog", "newt"),
}


class RuleLaws:
    """What every rule must obey. ``rules`` are the rules to test."""

    rules: ClassVar[Sequence[type[Rule]]]

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run the laws of a rule for each of ``rules``."""
        if "rule" in metafunc.fixturenames:
            metafunc.parametrize("rule", self.rules, ids=lambda rule: rule.rule)

    def test_name_is_lower_case_words_joined_by_dashes(self, rule: type[Rule]) -> None:
        """Users type it on the command line and in configuration files."""
        assert re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", rule.rule)

    def test_title_is_short_and_in_plain_words(self, rule: type[Rule]) -> None:
        """It is the heading of a finding, for an owner of the dataset who does not program."""
        for title in filter(None, (rule.title, rule.image_title)):
            assert len(title) <= MAX_TITLE
            assert title == title.strip()
            assert "\n" not in title
            assert title[0].isupper()
            assert not title.endswith((".", "!", ":"))
            # Acronyms and numbers are fine, but only the first word is capitalised.
            for word in title_words(title)[1:]:
                assert word.islower() or word.isupper() or word.isdigit() or word in NAMES
            assert rule.rule not in title
            assert not any(JARGON.fullmatch(word.lower()) for word in title_words(title))

    def test_severity_is_one(self, rule: type[Rule]) -> None:
        """A plain string would not compare with ``--fail-on``."""
        assert isinstance(rule.severity, Severity)

    def test_fix_is_one_line_without_a_full_stop(self, rule: type[Rule]) -> None:
        """Reports print it after an arrow, in one line with the message."""
        assert rule.fix == rule.fix.strip()
        assert "\n" not in rule.fix
        assert not rule.fix.endswith(".")
        assert rule.fix[0].islower()

    def test_meaning_is_one_line(self, rule: type[Rule]) -> None:
        """The docstring of the class is the rule's line in the list of rules."""
        assert rule.__doc__
        assert rule.__doc__ != Check.__doc__
        assert "\n" not in rule.__doc__.strip()

    def test_page_has_its_headings_with_something_below_each(self, rule: type[Rule]) -> None:
        """The docstring of the module is the rule's page in ``explain``, SARIF and HTML."""
        page = page_of(rule)
        assert headings(page) == list(HEADINGS)
        assert len(sections(page)) == len(HEADINGS)
        assert all(sections(page))


class CheckLaws(RuleLaws):
    """What every check must obey besides: the report does not depend on how a dataset is cut.

    Workers read shards in any order and in blocks of any size, and crashes cut shards anywhere.
    All of ``rules`` are run together.
    """

    rules: ClassVar[Sequence[type[Check[Any]]]]

    def blocks(self) -> st.SearchStrategy[Block]:
        """Blocks to run the checks on; override it if they find nothing in the usual ones."""
        return blocks()

    def shards(self) -> st.SearchStrategy[list[Block]]:
        """A few shards of one block each."""
        return st.lists(self.blocks(), min_size=1, max_size=3)

    def scan(self, shards: Sequence[Sequence[Block]]) -> ScanResult:
        """The shards, given as their blocks, scanned with all checks."""
        reader = BlockReader(shards, PLAN, batch_sizes=(2, 3, 7))
        return scan(reader, [check().configure(reader.options.check) for check in self.rules])

    def issues(self, shards: Sequence[Sequence[Block]]) -> list[PlainIssue]:
        """What the checks find in the shards."""
        scanned = self.scan(shards)
        return [plain_issue(issue, scanned.summary) for issue in scanned.issues]

    def test_no_block_at_all_is_evaluated(self) -> None:
        """A dataset may be empty."""
        self.issues([])

    @examples(150)
    @given(st.data())
    def test_cutting_blocks_anywhere_changes_no_issue(self, data: st.DataObject) -> None:
        """``measure`` of a block equals the sum of ``measure`` of its pieces."""
        shards = data.draw(self.shards())
        chosen = []
        for block in shards:
            edges = data.draw(st.lists(st.integers(0, block.records), max_size=3))
            chosen.append(cut_before(block, edges))
        assert self.issues(chosen) == self.issues([[block] for block in shards])

    @examples(60)
    @given(st.data())
    def test_single_records_add_up_to_the_same_issues(self, data: st.DataObject) -> None:
        """Addition is associative, and right from the first record on."""
        shards = data.draw(self.shards())
        single = [cut_before(block, range(1, block.records)) for block in shards]
        assert self.issues(single) == self.issues([[block] for block in shards])

    @examples(60)
    @given(st.data())
    def test_tallies_pickle(self, data: st.DataObject) -> None:
        """Tallies come from worker processes, and ``--resume`` keeps them in a file."""
        scanned = self.scan([[block] for block in data.draw(self.shards())])
        before = [plain_issue(issue, scanned.summary) for issue in scanned.issues]
        sent = pickled(dict(scanned.summary.tallies))
        summary = replace(scanned.summary, tallies=sent, derived={})
        checks = [check().configure(summary.options.check) for check in self.rules]
        found = [issue for check in checks for issue in evaluate_check(check, summary)]
        assert [plain_issue(issue, summary) for issue in found] == before

    @examples(60)
    @given(st.data())
    def test_every_issue_is_of_its_rule_and_counts_what_it_names(self, data: st.DataObject) -> None:
        """The report relies on these properties of issues."""
        names = {rule.rule for rule in self.rules}
        for issue in self.issues([[block] for block in data.draw(self.shards())]):
            assert issue.rule in names
            assert issue.severity in {"error", "warning", "info"}
            assert issue.records >= len(issue.named)
            assert "\n" not in issue.message + issue.fix
            assert not issue.message.endswith(".")
            assert len(issue.details) <= MAX_EXAMPLES
            assert all(issue.named.values())


def page_of(rule: type[Rule]) -> str:
    """The rule's page."""
    return sys.modules[rule.__module__].__doc__ or ""


def headings(page: str) -> list[str]:
    """The lines of a page that are not indented, except for its title."""
    return [line.rstrip(":") for line in page.splitlines()[1:] if re.match(r"\S", line)]


def sections(page: str) -> list[str]:
    """The text below each heading."""
    return [text.strip() for text in re.split(r"(?m)^\S.*$", page)[2:]]


def cut_before(block: Block, edges: Sequence[int]) -> list[Block]:
    """The block cut before each of the rows ``edges``; equal edges count once."""
    found, rest, done = [], block, 0
    for edge in sorted(set(edges)):
        left, rest = cut(rest, edge - done)
        found.append(left)
        done = edge
    return [*found, rest]


DATA, ODD, IMAGE, BROKEN = range(4)
MIXTURES = ((1, 0, 0, 0), (0.6, 0.2, 0.1, 0.1), (0, 0, 1, 0), (0.3, 0.3, 0, 0.4))
LABEL_TYPES = (np.int8, np.int64, np.float32)
FAULTS = ("corrupt-image", "damaged-store", "malformed-record", "missing-label", "reader-crash")


@st.composite
def blocks(
    draw: st.DrawFn,
    values: Sequence[float] = (),
    columns: Sequence[str] = ("side",),
    faults: Sequence[str] = FAULTS,
) -> Block:
    """A block with arrays of two shapes, images, further columns, faults, labels and duplicates.

    Args:
        draw: given by Hypothesis.
        values: the values of arrays; by default few small integers, NaN, Inf and a huge one.
        columns: the names of further columns.
        faults: the rules of faults.
    """
    count = draw(st.integers(1, 12))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    kinds = random.choice(4, count, p=draw(st.sampled_from(MIXTURES)))
    rows = [np.flatnonzero(kinds == kind) for kind in range(4)]
    arrays = []
    # Odd records come first, so that the order of columns is not that of the records.
    for kind, shapes in ((ODD, [(5,), (2, 3, 4)]), (DATA, [(3,), (2, 2), (3, 2, 2), (2, 4, 3)])):
        if len(rows[kind]):
            drawn = draw(arrays_of(random, len(rows[kind]), shapes, values))
            arrays.append(column_of(drawn, rows[kind]))
    images = None
    if len(rows[IMAGE]):
        sizes = [(int(c), 4, int(w)) for c, w in random.integers(3, 5, (len(rows[IMAGE]), 2))]
        edges = random.integers(0, 2, len(sizes)).tolist()
        images = images_of(*sizes, low=edges, high=edges, rows=rows[IMAGE])
    seen = [
        Fault(int(row), str(random.choice(faults)), f"broken {row % 3}") for row in rows[BROKEN]
    ]
    if draw(st.booleans()):
        seen.append(Fault(None, str(random.choice(faults)), "page 5", lost=3))
    labels, present = None, None
    if draw(st.booleans()):
        labels = draw(labels_of(random, count))
        present = random.random(count) < draw(st.sampled_from([0.7, 1.0]))
    extras = {}
    if draw(st.booleans()):
        extras = {name: draw(arrays_of(random, count, [(), (2,)], values)) for name in columns}
    numbers = np.cumsum(random.integers(1, 3, count)).tolist() if draw(st.booleans()) else None
    return block_of_columns(
        arrays,
        count,
        labels,
        present=present,
        extras=extras,
        images=images,
        faults=seen,
        numbers=numbers,
    )


@st.composite
def labels_of(draw: st.DrawFn, random: np.random.Generator, count: int) -> NDArray[Any]:
    """Labels of a few classes, (count,); some float labels are not finite."""
    labels = random.integers(-1, 4, count).astype(draw(st.sampled_from(LABEL_TYPES)))
    if labels.dtype.kind == "f":
        labels[random.integers(0, count)] = draw(st.sampled_from([np.nan, np.inf, 1.0]))
    return labels


@st.composite
def arrays_of(
    draw: st.DrawFn,
    random: np.random.Generator,
    count: int,
    shapes: Sequence[tuple[int, ...]],
    values: Sequence[float] = (),
) -> NDArray[Any]:
    """Few different values, so that constant features, constant records and duplicates occur."""
    shape = draw(st.sampled_from(shapes))
    if values:
        return random.choice(np.array(values), (count, *shape))
    dtype = draw(st.sampled_from([np.uint8, np.float32, np.float64, np.bool_]))
    numbers = random.integers(0, draw(st.integers(1, 3)), (count, *shape))
    found: NDArray[Any] = numbers.astype(dtype)
    if found.dtype.kind == "f":
        odd: NDArray[Any] = np.array([np.nan, np.inf, -np.inf, 1e30, -0.0], dtype)
        chosen = random.random(found.shape) < 0.1
        found[chosen] = random.choice(odd, np.count_nonzero(chosen))
    return found

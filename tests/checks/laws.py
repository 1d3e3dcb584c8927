"""Laws that every check has to keep, whichever there are."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from hypothesis import strategies as st

from datascan.checks.base import Check, Rule
from datascan.checks.fault_check import FaultCheck
from datascan.plugins import CHECKS as CHECK_RULES
from datascan.plugins import load, rule_names, rule_target
from datascan.records.block import Block, Fault
from datascan.scanner.result import ScanResult
from datascan.scanner.scan import evaluate_check, scan
from tests.builders.blocks import (
    BlockReader,
    Said,
    block_of_parts,
    cut,
    part_of,
    pictures_of,
    rows_of,
    said,
    travelled,
)

CHECKS: list[type[Check[Any]]] = [load(rule_target(rule)) for rule in CHECK_RULES]

RULES: list[type[Rule]] = [load(rule_target(rule)) for rule in rule_names()]

SEVERITIES = {
    "nan-value": "error",
    "inf-value": "error",
    "extreme-value": "warning",
    "constant-record": "warning",
    "constant-feature": "warning",
    "shape-mismatch": "error",
    "malformed-record": "error",
    "empty-record": "error",
    "duplicate-record": "warning",
    "conflicting-label": "error",
    "corrupt-image": "error",
    "not-an-image": "error",
    "misnamed-image": "warning",
    "oversized-image": "error",
    "mixed-channels": "warning",
    "trailing-bytes": "info",
    "exif-orientation": "info",
    "animated-image": "warning",
    "label-out-of-range": "error",
    "non-integer-label": "error",
    "non-finite-label": "error",
    "missing-label": "warning",
    "length-mismatch": "error",
    "empty-class": "warning",
    "class-imbalance": "warning",
    "batch-label-gap": "warning",
    "truncated-store": "error",
    "damaged-store": "error",
    "reader-crash": "error",
    "record-count-mismatch": "error",
    "missing-file": "error",
    "key-gap": "warning",
    "empty-dataset": "error",
    "gradient-blow-up": "error",
    "sudden-nan": "error",
    "nan-from-start": "error",
    "loss-saturated": "error",
    "died": "error",
    "unexpected-shape": "error",
    "unexpected-dtype": "error",
    "unexpected-class": "error",
    "label-shift": "warning",
    "value-out-of-range": "warning",
    "record-count-change": "warning",
    "label-beyond-outputs": "error",
    "pooling-stride-exceeds-kernel": "error",
    "lr-policy-incomplete": "error",
    "lr-not-finite": "error",
    "loss-needs-matrix": "error",
    "loss-input-not-probability": "error",
    "source-mismatch": "error",
    "batchnorm-unstable": "warning",
    "unscaled-input": "warning",
    "unknown-field": "warning",
}
"""Every rule there is, with its default severity."""

HEADINGS = (
    "What it is",
    "Why it breaks training",
    "How to find the cause",
    "How to fix it",
    "Example",
    "Limits",
    "Source",
)

FAULT_RULES = sorted(
    {check.rule for check in CHECKS if issubclass(check, FaultCheck)} | {"missing-label"}
)


def page_of(check: type[Rule]) -> str:
    """The rule's page."""
    return sys.modules[check.__module__].__doc__ or ""


def headings(page: str) -> list[str]:
    """The lines of a page that stand at the margin, its title excepted."""
    return [line.rstrip(":") for line in page.splitlines()[1:] if re.match(r"\S", line)]


def sections(page: str) -> list[str]:
    """What stands below each heading."""
    return [text.strip() for text in re.split(r"(?m)^\S.*$", page)[2:]]


def whole_scan(shards: Sequence[Sequence[Block]]) -> ScanResult:
    """The blocks scanned with every check."""
    plan = {"declared_count": ("num-samples", 7), "class_names": ("cat", "dog", "frog", "newt")}
    reader = BlockReader(shards, plan, batch_sizes=(2, 3, 7))
    return scan(reader, [check() for check in CHECKS])


def all_said(scanned: ScanResult) -> list[Said]:
    """Everything that was judged, in plain values."""
    return [said(judgement, scanned.summary) for judgement in scanned.issues]


def said_after_pickling(scanned: ScanResult) -> list[Said]:
    """What the checks say when all tallies have gone to another process and back."""
    tallies = travelled(dict(scanned.summary.tallies))
    dataset = replace(scanned.summary, tallies=tallies, derived={})
    return [said(j, dataset) for check in CHECKS for j in evaluate_check(check(), dataset)]


def cut_everywhere(block: Block) -> list[Block]:
    """The block in pieces of one record each."""
    left, rest = cut(block, 1) if block.records > 1 else (block, None)
    if rest is None:
        return [left]
    return [left, *(rows_of(rest, row, row + 1) for row in range(rest.records))]


def pieces(block: Block, edges: Sequence[int]) -> list[Block]:
    """The block cut before each of the rows ``edges``."""
    found, rest, done = [], block, 0
    for edge in sorted(set(edges)):
        left, rest = cut(rest, edge - done)
        found.append(left)
        done = edge
    return [*found, rest]


DATA, ODD, PICTURE, BROKEN = range(4)


@st.composite
def blocks(draw: Any) -> Block:
    """A block with arrays of two shapes, pictures, further columns, faults, labels and copies."""
    count = draw(st.integers(1, 12))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    kinds = random.choice(4, count, p=draw(st.sampled_from(MIXTURES)))
    rows = [np.flatnonzero(kinds == kind) for kind in range(4)]
    parts = []
    # Odd records first, so that the order of parts is not that of the records.
    for kind, shapes in ((ODD, [(5,), (2, 3, 4)]), (DATA, [(3,), (2, 2), (3, 2, 2), (2, 4, 3)])):
        if len(rows[kind]):
            parts.append(part_of(values(draw, random, len(rows[kind]), shapes), rows[kind]))
    pictures = None
    if len(rows[PICTURE]):
        sizes = [(int(c), 4, int(w)) for c, w in random.integers(3, 5, (len(rows[PICTURE]), 2))]
        edges = random.integers(0, 2, len(sizes)).tolist()
        pictures = pictures_of(*sizes, low=edges, high=edges, rows=rows[PICTURE])
    faults = [
        Fault(int(row), str(random.choice(FAULT_RULES)), f"broken {row % 3}")
        for row in rows[BROKEN]
    ]
    if draw(st.booleans()):
        faults.append(Fault(None, str(random.choice(FAULT_RULES)), "page 5", lost=3))
    labels, present = None, None
    if draw(st.booleans()):
        labels = random.integers(-1, 4, count).astype(draw(st.sampled_from(LABEL_TYPES)))
        if labels.dtype.kind == "f":
            labels[random.integers(0, count)] = draw(st.sampled_from([np.nan, np.inf, 1.0]))
        present = random.random(count) < draw(st.sampled_from([0.7, 1.0]))
    extras = {"side": values(draw, random, count, [(), (2,)])} if draw(st.booleans()) else {}
    numbers = np.cumsum(random.integers(1, 3, count)) if draw(st.booleans()) else None
    return block_of_parts(
        parts,
        count,
        labels,
        present=present,
        extras=extras,
        pictures=pictures,
        faults=faults,
        numbers=numbers,
    )


MIXTURES = ((1, 0, 0, 0), (0.6, 0.2, 0.1, 0.1), (0, 0, 1, 0), (0.3, 0.3, 0, 0.4))
LABEL_TYPES = (np.int8, np.int64, np.float32)


def values(draw: Any, random: Any, count: int, shapes: list[tuple[int, ...]]) -> Any:
    """Few different values, so that constant features, constant records and copies occur."""
    dtype = draw(st.sampled_from([np.uint8, np.float32, np.float64, np.bool_]))
    shape = draw(st.sampled_from(shapes))
    found = random.integers(0, draw(st.integers(1, 3)), (count, *shape)).astype(dtype)
    if found.dtype.kind == "f":
        odd = np.array([np.nan, np.inf, -np.inf, 1e30, -0.0], dtype)
        chosen = random.random(found.shape) < 0.1
        found[chosen] = random.choice(odd, np.count_nonzero(chosen))
    return found

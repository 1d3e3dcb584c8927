"""Results of a shard of another index are those that it would have had there."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest

from datascan.config.options import Options
from datascan.executors.base import WorkerSlot
from datascan.metrics.base import Concatenated, Tally
from datascan.plugins import CHECKS as CHECK_RULES
from datascan.plugins import load, rule_target
from datascan.readers.base import open_reader
from datascan.scanner.cache.moved import move_pieces, move_tally
from datascan.scanner.forms import UnstorableError
from datascan.scanner.scan import collect_metrics
from datascan.scanner.stored_results import ResultForms
from datascan.scanner.tasks import MeasureTask
from tests.builders.hdf5 import numbers, write_hdf5
from tests.builders.images import photo, write_tree
from tests.builders.lmdb import numbered, random_datums, write_lmdb

METRICS = collect_metrics([load(rule_target(rule))() for rule in CHECK_RULES])


def make_images(path):
    images = {f"{i % 2}/{i}.jpg": photo(i) for i in range(6)}
    write_tree(path, {**images, "1/cut.jpg": photo(9)[:300], "1/text.jpg": b"x", "0.jpg": photo(1)})


def make_lmdb(path):
    write_lmdb(path, numbered([*random_datums(20, (3, 4, 4)), b"no datum", b""]))


def make_hdf5(path):
    data = numbers(30, 4)
    data[3, 1], data[4, 0], data[5, 2], data[6] = np.nan, np.inf, 1e30, 7
    labels = np.eye(3, dtype=np.float32)[np.arange(30) % 3]
    labels[2] = np.nan
    write_hdf5(path, data=data, label=labels)


@pytest.mark.parametrize("make", [make_images, make_lmdb, make_hdf5])
@pytest.mark.parametrize(("old", "new"), [(0, 5), (5, 0), (3, 1000)])
def test_a_moved_result_is_the_one_measured_there(tmp_path, make, old, new):
    path = tmp_path / ("data.h5" if make is make_hdf5 else "data")
    make(path)
    reader = open_reader([path], Options(), None)
    shard = reader.plan().shards[0]
    task, forms = MeasureTask(reader, METRICS), ResultForms(METRICS, new + old + 1)
    one, other = (task(replace(shard, index=i), WorkerSlot.private()) for i in (old, new))
    assert forms.encode(new, move_pieces([one], old, new)) == forms.encode(new, [other])
    assert forms.encode(new, [one]) != forms.encode(new, [other])
    assert len(other.tallies.entries) > 5
    reader.close()


@dataclass(frozen=True, slots=True)
class UnknownTally(Tally):
    somewhere: Concatenated


def test_a_tally_that_is_not_known_is_not_moved():
    with pytest.raises(UnstorableError, match="the addresses in UnknownTally are not known"):
        move_tally(UnknownTally(Concatenated((np.arange(3),))), 1)

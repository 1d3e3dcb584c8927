"""Workers that die or stand still cost the record at hand, and nothing else."""

from __future__ import annotations

import multiprocessing

import numpy as np
import pytest

from datascan.checks.nan_value import NanValue
from datascan.checks.reader_crash import ReaderCrash
from datascan.scanning import Scanned, scan
from tests.building.plain import PlainReader


def dataset(count: int = 50) -> tuple[np.ndarray, np.ndarray]:
    values = np.arange(count * 4, dtype=np.float32).reshape(count, 4)
    values[[3, 27, 44], 1] = np.nan
    return values, np.arange(count) % 3


def named(result: Scanned, rule: str) -> dict[int, str]:
    return {
        int(index): judged.describe(fact)
        for judged in result.judgements
        if judged.rule == rule
        for index, fact in zip(
            result.dataset.indices(judged.flagged.addresses.array),
            judged.flagged.facts.array,
            strict=True,
        )
    }


CHECKS = [NanValue(), ReaderCrash()]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("blockwise", [False, True])
@pytest.mark.parametrize("deadly", [(0,), (12,), (19,), (20, 21), (5, 6, 33, 49)])
def test_a_crash_costs_its_record(workers, blockwise, deadly):
    reader = PlainReader(*dataset(), deadly=deadly, blockwise=blockwise, workers=workers)
    result = scan(reader, CHECKS)
    assert result.dataset.records == 50
    assert named(result, "reader-crash") == dict.fromkeys(deadly, "killed by SIGSEGV")
    assert sorted(named(result, "nan-value")) == [3, 27, 44]
    assert multiprocessing.active_children() == []


def test_a_hang_costs_its_record():
    reader = PlainReader(*dataset(), endless=(14,), workers=2, timeout=0.3)
    result = scan(reader, CHECKS)
    assert result.dataset.records == 50
    assert named(result, "reader-crash") == {14: "no progress for 0.3 seconds"}
    assert sorted(named(result, "nan-value")) == [3, 27, 44]


def test_a_worker_that_is_killed_costs_nothing(tmp_path):
    reader = PlainReader(*dataset(), workers=2)
    reader.kill_once = tmp_path
    result = scan(reader, CHECKS)
    assert len(list(tmp_path.iterdir())) == 5
    assert result.dataset.records == 50
    assert named(result, "reader-crash") == {}
    assert sorted(named(result, "nan-value")) == [3, 27, 44]


class Broken(PlainReader):
    def read(self, shard):
        raise ValueError("not a fault of the dataset")


def test_an_error_of_the_program_is_raised():
    with pytest.raises(ValueError, match="not a fault of the dataset"):
        scan(Broken(*dataset(), workers=2), CHECKS)
    assert multiprocessing.active_children() == []


class Unborn(PlainReader):
    def __reduce__(self):
        return (explode, ())


def explode():
    raise ValueError("no worker can begin like this")

"""Folders, files, prefixes and extensions: planted ones are found, random ones not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datascan.report.patterns.names import find_names
from datascan.report.patterns.survey import Concerned

TEXTS = {
    "images": "{group}/{number:05d}.jpg",
    "lmdb": "{group}_{number:05d}",
    "hdf5": "{group}.h5:data[{number}]",
}
SAID = {
    "images": "in folder {}/",
    "lmdb": "with keys that begin with {}_",
    "hdf5": "in file {}.h5",
}


def named(backend, groups, each):
    return [
        TEXTS[backend].format(group=group, number=number)
        for group in groups
        for number in range(each)
    ]


def found_in(keys, chosen, backend):
    flagged = np.zeros(len(keys), bool)
    flagged[chosen] = True
    mine, theirs = np.flatnonzero(flagged), np.flatnonzero(~flagged)
    concerned = Concerned(mine, mine, theirs, len(keys))
    return list(find_names(concerned, [keys[i] for i in mine], [keys[i] for i in theirs], backend))


@pytest.mark.parametrize("backend", TEXTS)
@given(count=st.integers(4, 12), place=st.integers(0, 3), seed=st.integers(0, 2**32 - 1))
def test_a_planted_group_is_found(backend, count, place, seed):
    groups = [f"group{chr(97 + i)}" for i in range(count)]
    keys = named(backend, groups, 50)
    inside = 50 * place + np.random.default_rng(seed).choice(50, 30, replace=False)
    (found,) = found_in(keys, inside, backend)
    assert found.text == SAID[backend].format(groups[place])
    assert (found.share, found.is_whole) == (1, True)


@pytest.mark.parametrize("backend", TEXTS)
def test_random_records_have_no_name_in_common(backend):
    random = np.random.default_rng(7)
    for _ in range(250):
        groups = [f"g{chr(97 + i)}" for i in range(int(random.integers(1, 20)))]
        keys = named(backend, groups, int(random.integers(1, 30)))
        if len(keys) >= 5:
            count = int(random.integers(5, len(keys) + 1))
            assert found_in(keys, random.choice(len(keys), count, replace=False), backend) == []


def test_what_all_records_have_is_not_said():
    keys = [f"train/cat/{i:04d}.jpg" for i in range(400)]
    assert found_in(keys, np.arange(0, 400, 7), "images") == []


def test_the_deepest_folder_that_says_more_is_said():
    keys = [f"train/{c}/{s}/{i:03d}.jpg" for c in "abcd" for s in "xy" for i in range(50)]
    (found,) = found_in(keys, np.arange(50, 100), "images")
    assert found.text == "in folder train/a/y/"
    (found,) = found_in(keys, np.arange(0, 100), "images")
    assert found.text == "in folder train/a/"


def test_the_extension_and_the_beginning_of_names():
    keys = [f"{c}/img{i:03d}.{'png' if i % 10 == 3 else 'jpg'}" for c in "abc" for i in range(100)]
    (found,) = found_in(keys, [i for i, key in enumerate(keys) if key.endswith("png")], "images")
    assert found.text == "with names that end in .png"
    keys = [f"{c}/{'scan' if i % 10 == 3 else 'img'}_{i:03d}.jpg" for c in "abc" for i in range(99)]
    (found,) = found_in(keys, [i for i, key in enumerate(keys) if "scan" in key], "images")
    assert found.text == "with names that begin with scan_"


def test_long_and_strange_keys_are_no_trouble():
    keys = ["/" * 500 + str(i) for i in range(50)] + ["" for _ in range(50)]
    for backend in TEXTS:
        found_in(keys, np.arange(20), backend)

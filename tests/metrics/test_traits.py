"""A rule applies only to a dataset that has what it needs."""

from __future__ import annotations

import re

import numpy as np
import pytest

import datascan
from datascan.metrics import traits
from datascan.plugins import CHECKS, load, rule_target
from tests.builders.hdf5 import write_hdf5
from tests.builders.images import encode, pixels


def statuses(report):
    return {one.rule: one.reason or one.status for one in report.checked}


def scan(path, **options):
    return datascan.scan(path, workers=0, thumbnails=False, **options)


def test_every_rule_is_listed_once(tmp_path):
    report = scan(write_hdf5(tmp_path / "a.h5", data=np.arange(8.0).reshape(4, 2)))
    assert [one.rule for one in report.checked] == sorted(CHECKS)


def test_numbers_without_labels(tmp_path):
    values = np.random.default_rng(0).normal(size=(20, 3))
    values[3, 1] = np.nan
    found = statuses(scan(write_hdf5(tmp_path / "a.h5", data=values)))
    assert found["nan-value"] == "failed"
    assert found["inf-value"] == "passed"
    assert found["missing-label"] == found["conflicting-label"] == "no labels"
    assert found["empty-class"] == "no class labels"
    assert found["corrupt-image"] == "no images"
    assert found["label-shift"] == "no expectations"
    assert found["label-beyond-outputs"] == "no net"
    assert found["misnamed-image"] == "no list of files"


def test_integers_have_no_nan(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", data=np.arange(8).reshape(4, 2), label=np.arange(4))
    found = statuses(scan(path))
    assert found["nan-value"] == "no float values"
    assert found["label-out-of-range"] == "passed"


def test_images(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "1.jpg").write_bytes(encode(pixels(1), "JPEG"))
    (tmp_path / "a" / "2.jpg").write_bytes(b"\xff\xd8\xffnothing else")
    found = statuses(scan(tmp_path))
    assert found["corrupt-image"] == "failed"
    assert found["not-an-image"] == "passed"
    assert found["damaged-store"] == "not a store"
    (tmp_path / "a" / "1.jpg").unlink()
    assert statuses(scan(tmp_path))["animated-image"] == "passed"


@pytest.mark.parametrize("limit", [5, 20, 30])
def test_a_part_does_not_show_what_only_the_whole_can(tmp_path, limit):
    labels = np.array([0] * 10 + [1] * 5 + [3] * 5)
    values = np.random.default_rng(0).normal(size=(20, 3))
    report = scan(write_hdf5(tmp_path / "a.h5", data=values, label=labels), limit=limit)
    found = statuses(report)
    if limit == 30:
        assert found["empty-class"] == "failed"
    else:
        assert found["empty-class"] == found["class-imbalance"] == "only a part was read"
        assert report.findings == [] or "empty-class" not in {f.rule for f in report.findings}
    assert report.dataset.limit == limit
    assert report.dataset.total == (20 if limit == 5 else None)


def test_only_rules_that_were_selected_are_listed(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", data=np.arange(8.0).reshape(4, 2))
    assert statuses(scan(path, select="nan-value")) == {"nan-value": "passed"}


TRAITS = [value for value in vars(traits).values() if isinstance(value, traits.Trait)]


@pytest.mark.parametrize("trait", TRAITS, ids=lambda trait: trait.lack)
def test_what_is_lacking_is_said_in_a_few_words(trait):
    assert re.fullmatch("[a-z][a-z ]{3,39}", trait.lack)


def test_every_trait_is_needed_by_a_rule():
    needed = {id(need) for rule in CHECKS for need in load(rule_target(rule)).needs}
    assert {id(trait) for trait in TRAITS} == needed

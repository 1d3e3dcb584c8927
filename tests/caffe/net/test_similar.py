"""Slips of known names are recognised, and names of forks are left alone."""

from __future__ import annotations

import pytest

from datascan.caffe.net.learning_policies import FORK_POLICIES, POLICIES, find_meant_policy
from datascan.caffe.net.messages import message_fields
from datascan.caffe.net.similar import count_changes, find_misspelt


@pytest.mark.parametrize(
    ("left", "right", "changes"),
    [("", "", 0), ("", "ab", 2), ("ab", "ba", 1), ("abc", "ac", 1), ("kitten", "sitting", 3)],
)
def test_changes(left, right, changes):
    assert count_changes(left, right) == count_changes(right, left) == changes


@pytest.mark.parametrize("message", ["SolverParameter", "ConvolutionParameter", "DataParameter"])
def test_a_letter_dropped_doubled_or_exchanged_is_a_slip(message):
    fields = message_fields(message)
    slips = [(name, wrong) for name in fields for wrong in misspell(name) if wrong not in fields]
    missed = [(name, wrong) for name, wrong in slips if find_misspelt(wrong, fields) != name]
    assert len(missed) / len(slips) < 0.03, missed


def misspell(name):
    for i in range(1, len(name) - 1):
        yield name[:i] + name[i + 1 :]
        yield name[:i] + name[i] + name[i:]
        yield name[:i] + name[i + 1] + name[i] + name[i + 2 :]


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("kernel_d", "ConvolutionParameter"),
        ("dilation_h", "ConvolutionParameter"),
        ("momentum3", "SolverParameter"),
        ("stagelr", "SolverParameter"),
        ("min_lr", "SolverParameter"),
        ("rampup_interval", "SolverParameter"),
        ("plateau_winsize", "SolverParameter"),
        ("rrelu_param", "LayerParameter"),
        ("relu6_param", "LayerParameter"),
        ("flip_param", "LayerParameter"),
        ("permute_param", "LayerParameter"),
        ("bn_param", "LayerParameter"),
        ("norm_param", "LayerParameter"),
        ("roi_pooling_param", "LayerParameter"),
        ("interp_param", "LayerParameter"),
        ("engine", "LayerParameter"),
        ("resize_param", "TransformationParameter"),
        ("shuffle", "DataParameter"),
        ("cache", "DataParameter"),
        ("x" * 5000, "DataParameter"),
        ("", "DataParameter"),
    ],
)
def test_fields_of_forks_are_no_slips(name, known):
    assert find_misspelt(name, message_fields(known)) is None


def test_policies():
    assert [name for name in (*POLICIES, *FORK_POLICIES) if find_meant_policy(name)] == []
    assert find_meant_policy("multi_step") == "multistep"
    assert find_meant_policy("Fixed") == "fixed"
    assert find_meant_policy("sigmod") == "sigmoid"

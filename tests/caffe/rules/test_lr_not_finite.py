from __future__ import annotations

from pathlib import Path
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datascan.caffe.net.learning_rate import compute_rates, find_first_bad_rate, is_bad
from datascan.caffe.net.prototxt import parse
from datascan.caffe.net.training import Solver, build_solver
from tests.builders.caffe import net_findings, scan_prototxt, small_net

RULE = "lr-not-finite"


def solver(policy: str, more: str) -> Solver:
    return build_solver(parse(Path("s"), f'lr_policy: "{policy}" {more}', "SolverParameter"))


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        (
            'base_lr: 1 lr_policy: "exp" gamma: 2 max_iter: 1000',
            "policy exp gives a learning rate of inf at iteration 128 of 1,000",
        ),
        (
            'base_lr: 0.1 lr_policy: "fixed" max_iter: 10 base_lr: nan'.replace("base_lr: 0.1", ""),
            "policy fixed gives a learning rate of nan at iteration 0 of 10",
        ),
        (
            'base_lr: -0.5 lr_policy: "fixed" max_iter: 10',
            "policy fixed gives a learning rate of -0.5 at iteration 0 of 10",
        ),
        (
            'base_lr: 1 lr_policy: "inv" gamma: -0.25 power: 0.5 max_iter: 10',
            "policy inv gives a learning rate of inf at iteration 4 of 10",
        ),
        (
            'base_lr: 1 lr_policy: "step" gamma: -0.1 stepsize: 7 max_iter: 10',
            "policy step gives a learning rate of -0.1 at iteration 7 of 10",
        ),
        (
            'base_lr: 1 lr_policy: "multistep" gamma: 1e30 stepvalue: 3 stepvalue: 9 max_iter: 10',
            "policy multistep gives a learning rate of inf at iteration 9 of 10",
        ),
        (
            'base_lr: 1e39 lr_policy: "fixed" max_iter: 10',
            "policy fixed gives a learning rate of inf at iteration 0 of 10",
        ),
        (
            'base_lr: 1 lr_policy: "exp" gamma: 1.000001 max_iter: 1000000000',
            "policy exp gives a learning rate of inf at iteration 93,033,529 of 1,000,000,000",
        ),
    ],
)
def test_rates_that_cannot_be_used(tmp_path, text, detail):
    report = scan_prototxt(tmp_path, small_net(), solver=text)
    assert [key for key, _ in net_findings(report, RULE)] == ["solver"]
    found = net_findings(report, RULE)[0][1]
    if "93,033,529" in detail:
        # float32(1.000001) is 1 + 8 * 2**-23: the logarithm of FLT_MAX over its own
        expected = np.log(2.0**128) / np.log(float(np.float32(1.000001)))
        iteration = int(found.split("iteration ")[1].split(" of")[0].replace(",", ""))
        assert abs(iteration - expected) < 2
    else:
        assert found == detail


@pytest.mark.parametrize(
    "text",
    [
        'base_lr: 0.01 lr_policy: "step" gamma: 0.1 stepsize: 100000 max_iter: 450000',
        'base_lr: 0.01 lr_policy: "inv" gamma: 0.0001 power: 0.75 max_iter: 10000',
        'base_lr: 0.01 lr_policy: "poly" power: 0.5 max_iter: 1000000000',
        'base_lr: 0.01 lr_policy: "exp" gamma: 0.5 max_iter: 2000000000',
        'base_lr: 0.01 lr_policy: "sigmoid" gamma: -0.001 stepsize: 5000 max_iter: 10000',
        'base_lr: 0.01 lr_policy: "sigmoid" gamma: 5 stepsize: 5000 max_iter: 10000',
        'base_lr: 0 lr_policy: "fixed" max_iter: 10',
        'base_lr: 0.1 lr_policy: "fixed"',
        'base_lr: 0.1 lr_policy: "poly" power: 1',
    ],
)
def test_sound_rates(tmp_path, text):
    assert net_findings(scan_prototxt(tmp_path, small_net(), solver=text), RULE) == []


def test_rates_by_hand():
    at = np.arange(0, 7)
    step = compute_rates(solver("step", "base_lr: 1 gamma: 0.5 stepsize: 3"), at)
    assert step.tolist() == [1, 1, 1, 0.5, 0.5, 0.5, 0.25]
    several = compute_rates(solver("multistep", "base_lr: 1 gamma: 0.5 stepvalue: [2, 5]"), at)
    assert several.tolist() == [1, 1, 0.5, 0.5, 0.5, 0.25, 0.25]
    inv = compute_rates(solver("inv", "base_lr: 1 gamma: 1 power: 1"), at)
    np.testing.assert_allclose(inv, 1 / (1 + at), rtol=1e-6)
    poly = compute_rates(solver("poly", "base_lr: 2 power: 2 max_iter: 8"), at)
    np.testing.assert_allclose(poly, 2 * (1 - at / 8) ** 2, rtol=1e-6)
    sigmoid = compute_rates(solver("sigmoid", "base_lr: 1 gamma: -1 stepsize: 3"), at)
    np.testing.assert_allclose(sigmoid, 1 / (1 + np.exp(at - 3.0)), rtol=1e-6)


@given(st.lists(st.integers(0, 60), min_size=1, max_size=6), st.sampled_from([-1.0, 0.5]))
def test_stepvalues_in_any_order_take_effect_as_in_caffe(values, gamma):
    made = solver("multistep", f"base_lr: 1 gamma: {gamma} stepvalue: {values}")
    done, expected = 0, []
    for iteration in range(80):
        if done < len(values) and iteration >= values[done]:
            done += 1
        expected.append(gamma**done)
    assert compute_rates(made, np.arange(80)).tolist() == expected


POLICIES = st.sampled_from(["fixed", "step", "exp", "inv", "multistep", "poly", "sigmoid"])
NUMBERS = st.floats(-3, 3, width=32) | st.sampled_from([1e-3, 1e30, -0.25, 0.0])


@given(POLICIES, NUMBERS, NUMBERS, NUMBERS, st.integers(1, 40), st.integers(1, 3000))
def test_chunks_that_are_valid_at_both_ends_can_be_skipped(policy, base, gamma, power, step, count):
    made = solver(
        policy,
        f"base_lr: {base} gamma: {gamma} power: {power} stepsize: {step} "
        f"stepvalue: [{step}, {step * 2}] max_iter: {count}",
    )
    wrong = np.flatnonzero(is_bad(compute_rates(made, np.arange(count))))
    with patch("datascan.caffe.net.learning_rate.CHUNK_ITERATIONS", 64):
        found = find_first_bad_rate(made)
    assert (found[0] if found else None) == (int(wrong[0]) if len(wrong) else None)

"""The causes of a break are told apart."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datascan.logs.diagnosis import diagnose, growth_ratio
from datascan.logs.growth import (
    MIN_SWING,
    describe_growth,
    find_foot,
    has_climbed,
    sets_records,
)
from datascan.logs.runs import Output, Run
from datascan.logs.silent import SATURATED, find_saturation

NAN, INF = math.nan, math.inf


def run_of(losses, rates=None, display=10, **more):
    iterations = [i * display for i in range(len(losses))]
    rates = [0.1] * len(losses) if rates is None else rates
    return Run(iterations, list(losses), iterations, list(rates), **more)


def cause(losses, rates=None, **more):
    return diagnose(run_of(losses, rates, **more)).cause


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([2.3, 2.2, 2.1], "none"),
        ([2.3], "none"),
        ([NAN, NAN], "nan-from-start"),
        ([INF], "nan-from-start"),
        ([2.3, NAN], "sudden-nan"),
        ([2.3, 2.2, NAN, NAN], "sudden-nan"),
        ([2.3, 2.2, -INF], "sudden-nan"),
        ([2.3, 900.0, NAN], "gradient-blow-up"),
        ([2.3, 5.0, 80.0, INF, NAN], "gradient-blow-up"),
        ([2.3, 80.0, 75.0, 83.0, 79.0, NAN], "gradient-blow-up"),
        ([2.3, 1.0, 0.5, 0.3, 0.31, 0.3, 9.0, NAN], "gradient-blow-up"),
        ([2.3, 1.0, 0.5, 0.4, 0.5, 0.7, 0.9, 1.3, NAN], "gradient-blow-up"),
        ([2.3, 1.5, 0.01, 0.03, 0.008, 0.02, NAN], "sudden-nan"),
        ([2.3, SATURATED, SATURATED], "loss-saturated"),
        ([2.3, 87.3365, 87.33655, 87.33645], "loss-saturated"),
        ([87.3365], "loss-saturated"),
        ([2.3, 87.3365, 80.0], "none"),
        ([2.3, 87.3365, 87.3365, NAN], "gradient-blow-up"),
        ([0.0, 0.0, NAN], "sudden-nan"),
        ([2.3, 1.2, 0.5, 1.1, 3.5, NAN], "gradient-blow-up"),
        ([2.3, 1.5, 0.8, 0.5, 0.4, 0.9, 2.2, NAN], "gradient-blow-up"),
        ([*(2.3 * 0.7**i for i in range(10)), 0.2, 0.6, 1.8, NAN], "gradient-blow-up"),
        ([*(2.3 * 1.05**i for i in range(20)), NAN], "gradient-blow-up"),
        ([2.3, 2.1, 3, 1.8, 4, 1.5, 6, 1.2, 9, NAN], "gradient-blow-up"),
        ([0.05, 0.06, 0.2, 0.18, 0.17, 0.19, 0.2, 0.18, NAN], "sudden-nan"),
        ([2.3, 5.0, 80.0, 1e5, 1e20, 1e30, 1e30], "gradient-blow-up"),
        ([2.3, 2.0, 1e5, 2.1, 2.0, 1.9], "none"),
    ],
)
def test_each_cause(losses, expected):
    assert cause(losses) == expected


def test_between_which_iterations():
    verdict = diagnose(run_of([2.3, 2.2, 2.2, NAN, NAN]))
    assert (verdict.last_finite, verdict.first_nonfinite) == (20, 30)
    assert "2.2 at iteration 20 and nan at 30" in verdict.text


@pytest.mark.parametrize("bad", [NAN, INF, -0.1])
def test_the_rate_first(bad):
    assert cause([2.3, 2.2, 2.1, NAN], [0.1, 0.1, bad, bad]) == "lr-not-finite"
    assert cause([2.3, 2.2, 2.1], [0.1, 0.1, bad]) == "lr-not-finite"
    # A rate that breaks behind the loss is none of its causes.
    assert cause([2.3, NAN, NAN, NAN], [0.1, 0.1, 0.1, bad]) == "sudden-nan"


def test_the_rate_that_the_solver_plans():
    run = Run([0, 10, 20], [2.3, 2.2, NAN])
    assert diagnose(run, (15, INF)).cause == "lr-not-finite"
    assert diagnose(run, (25, INF)).cause == "sudden-nan"
    assert diagnose(run_of([2.3, 2.2, NAN]), (15, INF)).cause == "sudden-nan"
    assert diagnose(Run([0, 10], [2.3, 2.2]), (15, INF)).cause == "none"


def test_a_crash_counts_if_the_loss_did_not_break():
    assert cause([2.3, 2.2], crash="Check failed: x") == "died"
    assert cause([2.3, NAN], crash="Check failed: x") == "sudden-nan"
    told = diagnose(Run(crash="*** Aborted at 1")).text
    assert told.startswith("the run crashed before the first")


def test_of_several_outputs_the_one_that_went_first():
    at = [0, 10, 20, 30]
    outputs = {
        "loss1": Output(0.3, at, [2.0, 2.0, 1.9, NAN]),
        "loss2": Output(0.3, at, [2.0, 9.0, NAN, NAN]),
        "accuracy": Output(0.0, at, [NAN, 0.1, 0.2, 0.2]),
    }
    assert diagnose(run_of([3.0, 9.9, 99.0, NAN], outputs=outputs)).output == "loss2"
    outputs["loss2"] = Output(0.3, at, [2.0, 9.0, 70.0, NAN])
    assert diagnose(run_of([3.0, 9.9, 99.0, NAN], outputs=outputs)).output == "loss2"


def test_one_output_of_several_saturates():
    at = [0, 10, 20]
    outputs = {
        "loss1": Output(0.3, at, [2.0, 2.0, 1.9]),
        "loss2": Output(0.3, at, [2.0, 87.3365, 87.3365]),
    }
    verdict = diagnose(run_of([3.0, 27.0, 26.8], outputs=outputs))
    assert (verdict.cause, verdict.output) == ("loss-saturated", "loss2")


@given(
    st.integers(0, 2**32),
    st.integers(4, 60),
    st.floats(0, 0.2),
    st.sampled_from([0.0, 0.05, 0.3]),
)
def test_a_loss_that_falls_with_noise_breaks_suddenly(seed, count, noise, floor):
    random = np.random.default_rng(seed)
    quiet = 2.3 * np.exp(-np.arange(count) / 10) + floor
    losses = quiet * random.lognormal(0, noise / 2, count)
    assert cause([*losses.tolist(), NAN]) == "sudden-nan"


@given(st.integers(0, 2**32), st.integers(2, 40), st.integers(3, 12), st.floats(1.8, 10))
def test_a_loss_that_explodes_is_a_blow_up(seed, quiet, steps, factor):
    random = np.random.default_rng(seed)
    before = (0.5 + 1.8 * np.exp(-np.arange(quiet) / 5)) * random.lognormal(0, 0.05, quiet)
    after = before[-1] * factor ** np.arange(1, steps + 1)
    if after[-1] < 2.5 * max(before):
        after *= 2.5 * max(before) / after[-1]
    assert cause([*before.tolist(), *after.tolist(), NAN]) == "gradient-blow-up"


def test_a_rate_that_is_planned_for_later():
    healthy, broken = Run([0, 10], [2.3, 2.2]), Run([0, 10, 20], [2.3, 2.2, NAN])
    for bad in (INF, -0.5):
        assert diagnose(healthy, (11, bad)).cause == "none"
        assert diagnose(healthy, (10, bad)).cause == "lr-not-finite"
        assert diagnose(broken, (21, bad)).cause == "sudden-nan"
        assert diagnose(broken, (20, bad)).cause == "lr-not-finite"


@pytest.mark.parametrize(
    ("losses", "expected"),
    [
        ([1, 1, 1, 1, 2, 3], True),
        ([1, 1, 1, 1, 1.2, 1.25], False),
        ([1, 1, 1, 1, 1.2, 2], False),
        ([1, 1, 1, 1, 1.2, 2.6], True),
        ([1, 1, 1, 3, 1, 3], False),
        ([1, 1, 1, 2, 3, 2.5], False),
        ([0, 0, 1, 2], False),
        ([-1, -2, -3, 1, 2, 3], False),
        ([1, 2, 3], False),
    ],
)
def test_records_that_a_loss_sets(losses, expected):
    assert sets_records(losses) == expected


def test_how_far_a_record_must_be_from_the_first_half():
    limit = MIN_SWING
    assert not sets_records([1, 1, 1, 1, 1.5, limit])
    assert sets_records([1, 1, 1, 1, 1.5, limit + 0.01])


@pytest.mark.parametrize(
    ("losses", "foot"), [([3, 2, 1], 2), ([1, 2, 3], 0), ([2, 1, 1, 2, 3], 2), ([5], 0)]
)
def test_where_a_rise_begins(losses, foot):
    assert find_foot(losses) == foot


@pytest.mark.parametrize(
    ("rise", "before", "expected"),
    [
        ([1, 9], [1], False),
        ([1, 2, 5], [1], True),
        ([1, 2, 4], [1], False),
        ([1, 2, 5], [1, 2.5, 1], False),
        ([1, 2, 7], [1, 2.5, 1], True),
        ([1, 2, 5], [0, 9, 0], True),
        ([1, 1.1, 1.2, 1.3, 2.1], [9, 1], True),
        ([1, 1.1, 1.2, 1.3, 2.0], [9, 1], False),
        ([0, 1, 2, 3, 9], [1], False),
        ([-1, 1, 2, 3, 9], [1], False),
    ],
)
def test_rises_and_noise(rise, before, expected):
    assert has_climbed(rise, before) == expected


@pytest.mark.parametrize(
    ("losses", "fresh", "words"),
    [
        ([1, 20, 30], True, "the loss grew from 1 to 30"),
        ([2, 1, 1, 1, 1, 1, 9], False, "the loss grew from at most 2 to 9"),
        ([5, 1, 2, 3, 4, 5], False, "the loss climbed from 1 to 5"),
        ([2, 1], True, None),
        ([1], True, None),
        ([0, 0, 0], True, None),
        ([3, 3, 3, 3], False, None),
    ],
)
def test_growth_in_words(losses, fresh, words):
    assert describe_growth(losses, fresh=fresh) == words


@pytest.mark.parametrize(
    ("values", "ratio"), [([2, 9, NAN], 4.5), ([NAN, 2, 4], 2), ([0, 5], 0), ([NAN], 0), ([], 0)]
)
def test_how_much_an_output_grew(values, ratio):
    assert growth_ratio(Output(1.0, list(range(len(values))), values)) == ratio


@pytest.mark.parametrize(
    ("losses", "found"),
    [
        ([2.3, SATURATED, SATURATED], (None, 10)),
        ([SATURATED, SATURATED, SATURATED], (None, 0)),
        ([2.3, SATURATED], None),
        ([SATURATED], (None, 0)),
        ([SATURATED, 2.3], None),
        ([], None),
    ],
)
def test_since_when_a_loss_is_stuck(losses, found):
    verdict = find_saturation(run_of(losses))
    assert (verdict and (verdict.output, verdict.first)) == found


def test_an_output_that_grows_within_a_noisy_sum():
    at = [10 * i for i in range(13)]
    quiet = [2.0, 2.01, 1.99, 2.0, 2.01, 2.0, 1.99, 2.0, 2.01]
    noisy = [9.0, 3.0, 8.0, 2.5, 9.5, 4.0, 7.0, 3.0, 9.0, 8.0, 4.0, 3.0]
    outputs = {
        "loss1": Output(1.0, at, [*noisy, NAN]),
        "loss2": Output(1.0, at, [*quiet, 2.3, 3.0, 4.5, NAN]),
    }
    total = [a + b for a, b in zip(noisy, outputs["loss2"].values, strict=False)]
    verdict = diagnose(run_of([*total, NAN], outputs=outputs))
    assert verdict.cause == "gradient-blow-up"
    assert verdict.text.startswith("output loss2 grew from 2 to 4.5 on its last 3 lines")

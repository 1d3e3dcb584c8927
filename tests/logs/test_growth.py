"""Growth is judged by the noise of the log itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datascan.logs.growth import describe_growth, find_rise, measure_noise

QUIET = [2.3 - 0.001 * i for i in range(30)]


@pytest.mark.parametrize(
    "rise",
    [
        [2.41, 2.75, 3.9],
        [2.41, 2.38, 2.75],
        [2.4, 2.6],
        [2.3, 2.35, 2.4, 2.5, 2.6, 2.7],
        [6.0],
    ],
)
def test_a_quiet_log_that_rises(rise):
    text = describe_growth([*QUIET, *rise], fresh=True)
    assert text.startswith("the loss grew from 2.27")
    assert f" to {rise[-1]:g} on its last " in text
    assert text.endswith("(the lines before differ by 0.001)")


def test_level_lines():
    assert describe_growth([2.0] * 10 + [2.5, 3.0], fresh=False) == (
        "the loss grew from 2 to 3 on its last 2 lines (the lines before are level)"
    )


@pytest.mark.parametrize(
    "end", [[2.275, 2.28], [2.3, 2.29], [2.41, 2.75, 2.27], [2.5, 2.4, 2.3], [2.7], []]
)
def test_a_quiet_log_that_does_not(end):
    assert describe_growth([*QUIET, *end], fresh=True) is None


def noisy(seed, kind, count):
    """A loss that falls or is level, with noise of one of three kinds."""
    dice = np.random.default_rng(seed)
    size = dice.choice([0.001, 0.01, 0.1, 0.3, 0.6, 1.0])
    level = 2.3 * np.exp(-np.arange(count) / dice.uniform(3, 200)) + dice.choice([0, 0.05, 1.0])
    noise = dice.normal(0, size, count)
    if kind == "heavy":
        noise = size * dice.standard_t(3, count)
    elif kind == "slow":
        for i in range(1, count):
            noise[i] += 0.8 * noise[i - 1]
    return (level * np.exp(noise)).tolist()


@pytest.mark.parametrize(("kind", "share"), [("plain", 0.01), ("heavy", 0.02), ("slow", 0.04)])
def test_noise_is_seldom_called_growth(kind, share):
    logs = [noisy(seed, kind, 3 + seed % 117) for seed in range(1000)]
    assert sum(describe_growth(one, fresh=True) is not None for one in logs) < share * len(logs)
    assert sum(find_rise(one) is not None for one in logs) <= 2


@given(st.integers(0, 2**32), st.integers(8, 60), st.floats(0.001, 0.05))
@settings(max_examples=50)
def test_a_rise_out_of_the_noise_is_growth(seed, count, size):
    dice = np.random.default_rng(seed)
    quiet = 2.0 * np.exp(dice.normal(0, size, count))
    rise = 2.0 * np.exp(size * np.array([8, 16, 32, 64]) + 0.1)
    assert describe_growth([*quiet.tolist(), *rise.tolist()], fresh=False) is not None


def test_losses_below_zero():
    assert find_rise([-5 + 0.01 * (i % 3) for i in range(20)] + [-3, 1, 40]) is not None
    assert find_rise([-5 + 0.01 * (i % 3) for i in range(20)] + [-5, -4.99]) is None


def test_noise_around_a_falling_line():
    noise = measure_noise([5 - 0.5 * i for i in range(10)])
    assert (noise.level, noise.spread, noise.deviation) == (0.5, 0, 0)
    rising = measure_noise([float(i) for i in range(11)])
    assert (rising.level, rising.spread) == (5, 5)

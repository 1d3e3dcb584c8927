from __future__ import annotations

import numpy as np

from datascan.checks.extreme_value import ExtremeValue
from datascan.testing.blocks import block_of, finding, findings


def test_values_beyond_float16_also_beside_nan_and_inf():
    values = np.zeros((6, 3), np.float32)
    values[0, 1] = 65505
    values[2, 0] = -1e30
    values[3] = [np.nan, 1e6, np.inf]
    said = finding(ExtremeValue, block_of(values))
    assert said.severity == "warning"
    assert said.message == "3 of 6 records hold values beyond 65504"
    assert said.named == {
        0: "1 of 3 values, first 65505 at [1]",
        2: "1 of 3 values, first -1e+30 at [0]",
        3: "1 of 3 values, first 1e+06 at [1]",
    }


def test_the_limit_itself_infinity_and_nan_are_not_beyond():
    values = np.array([[65504, -65504], [np.inf, np.nan], [-np.inf, 0]])
    assert findings(ExtremeValue, block_of(values)) == []


def test_float16_and_integers_cannot_be_beyond():
    half = np.array([[65504, np.inf], [np.nan, -65504]], np.float16)
    assert findings(ExtremeValue, block_of(half), block_of(np.full((2, 2), 10**6))) == []

from __future__ import annotations

import numpy as np
import pytest

from datascan.checks.inf_value import InfValue
from datascan.testing.blocks import block_of, finding, findings


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_both_infinities_also_beside_nan(dtype):
    values = np.ones((5, 4), dtype)
    values[1, 3] = np.inf
    values[3] = [0, -np.inf, np.nan, np.inf]
    said = finding(InfValue, block_of(values))
    assert said.severity == "error"
    assert said.message == "2 of 5 records hold infinite values"
    assert said.named == {
        1: "1 of 4 values, first inf at [3]",
        3: "2 of 4 values, first -inf at [1]",
    }


def test_one_record():
    said = finding(InfValue, block_of(np.array([[0, np.inf], [1, 2]])))
    assert said.message == "1 of 2 records holds infinite values"


def test_nan_and_large_values_are_finite_enough():
    values = np.full((3, 2), 3e38, np.float32)
    values[1, 1] = np.nan
    assert findings(InfValue, block_of(values)) == []

from __future__ import annotations

import numpy as np
from datascan_clipped_action import ClippedAction

from datascan.testing.blocks import block_of, finding, findings
from datascan.testing.check_laws import CheckLaws, blocks


class TestClippedAction(CheckLaws):
    rules = (ClippedAction,)

    def blocks(self):
        return blocks(values=(-1.0, 0.5, 1.0), columns=("actions",))


def actions(*rows):
    return block_of(np.zeros((len(rows), 3)), extras={"demo_0/actions": np.array(rows)})


def test_two_values_at_a_limit():
    found = finding(ClippedAction, actions([0.1, 1.0, -1.0], [0.1, 0.2, 0.3], [1.0, 1.0, 1.0]))
    assert found.message == "2 of 3 records have clipped actions"
    assert found.named == {0: "2 values at a limit", 2: "3 values at a limit"}


def test_a_closed_gripper_is_normal():
    assert findings(ClippedAction, actions([0.1, 0.2, 1.0], [0.3, 0.2, -1.0])) == []


def test_other_columns_and_other_ranges_are_not_inspected():
    ones = np.ones((4, 3))
    assert findings(ClippedAction, block_of(ones)) == []
    assert findings(ClippedAction, actions([1.0, 1.0, 5.0], [np.nan, 1.0, 1.0])) == []

"""Losses of exactly 0."""

from __future__ import annotations

import json

import pytest

import datascan
from tests.builders.caffe_logs import log_of
from tests.builders.log_findings import findings_of_log


def log(*losses):
    return log_of([(10 * i, loss) for i, loss in enumerate(losses)])


@pytest.mark.parametrize(("losses", "first"), [((0, 0, 0), 0), ((2.3, 2.2, 0, 0, 0), 20)])
def test_zero_until_the_end(tmp_path, losses, first):
    (found,) = findings_of_log(tmp_path, log(*losses))
    assert (found.rule, found.severity) == ("loss-zero", "warning")
    assert found.message == f"the loss is exactly 0 from iteration {first} on"
    assert "datascan net" in found.fix


@pytest.mark.parametrize("losses", [(0, 0), (2.3, 0, 0, 0, 1), (1, 0.1, 0.001, 0, 0, 0)])
def test_other_losses(tmp_path, losses):
    assert findings_of_log(tmp_path, log(*losses)) == []


@pytest.mark.parametrize(
    ("norm", "severity"), [(float("nan"), "error"), (float("inf"), "error"), (0.0, "warning")]
)
def test_mixed_precision(tmp_path, norm, severity):
    history = [{"step": i, "loss": 2.0 - i / 100, "grad_norm": 1.0} for i in range(0, 50, 10)]
    history += [{"step": i, "loss": 0.0, "grad_norm": norm} for i in range(50, 90, 10)]
    file = tmp_path / "trainer_state.json"
    file.write_text(json.dumps({"log_history": history}))
    (found,) = datascan.scan_log(file).findings
    assert (found.rule, found.severity) == ("loss-zero", severity)
    assert ("mixed precision has overflowed" in found.message) is (severity == "error")
    assert "datascan scan DATA" in found.fix

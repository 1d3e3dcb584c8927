"""Histories of Transformers."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datascan.logs.formats.trainer_state import read_trainer_state
from datascan.logs.reading import read_log

NAN = math.nan


def entries(*losses, every=10):
    return [
        {"epoch": i / 10, "learning_rate": 1e-4, "loss": loss, "step": every * (i + 1)}
        for i, loss in enumerate(losses)
    ]


def read(*history):
    return read_trainer_state(json.dumps({"global_step": 30, "log_history": list(history)}))


def test_a_history(tmp_path):
    file = tmp_path / "state.json"
    history = [*entries(2.0, NAN), {"step": 20, "eval_loss": 1.5, "epoch": 1}]
    history.append({"step": 20, "train_loss": 1.7, "train_runtime": 3.0})
    file.write_text(json.dumps({"log_history": history}, indent=2))
    log = read_log(file)
    (run,) = log.runs
    assert (log.layout, run.iterations, run.losses[0]) == ("trainer-state", [10, 20], 2.0)
    assert math.isnan(run.losses[1])
    assert (run.rates, run.unit, run.name) == ([1e-4, 1e-4], "step", "loss")
    assert run.tests["eval_loss"].values == [1.5]
    assert not run.begins_late


@pytest.mark.parametrize(
    ("value", "meaning"),
    [
        (NAN, NAN),
        (math.inf, math.inf),
        ("nan", NAN),
        ("inf", math.inf),
        (10**400, math.inf),
        (2, 2),
    ],
)
def test_values(value, meaning):
    ((run,), _) = read(*entries(3.0, value))
    assert str(run.losses[1]) == str(float(meaning))


@pytest.mark.parametrize("value", [True, [], {}, "x", [1.0]])
def test_values_that_are_no_numbers(value):
    ((run,), notes) = read(*entries(3.0, value))
    assert (run.losses, notes) == ([3.0], ())


def test_null_at_the_end_is_nan():
    ((run,), notes) = read(*entries(3.0, None, 2.0, None, None))
    assert [str(x) for x in run.losses] == ["3.0", "2.0", "nan", "nan"]
    assert notes == ("the last 2 losses of null: taken as NaN",)
    ((run,), notes) = read(*entries(3.0, None, 2.0, None))
    assert (run.losses, notes) == ([3.0, 2.0], ())


def test_norms_of_gradients():
    history = entries(3.0, 0.0)
    history[1]["grad_norm"] = NAN
    ((run,), _) = read(*history)
    assert run.gradient.iterations == [20]


@pytest.mark.parametrize(
    "text", ["{", "[]", "{}", '{"log_history": 3}', '{"log_history": [1, null, {}]}', "[" * 100_000]
)
def test_other_json(text):
    assert read_trainer_state(text) is None


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=3,
)


@given(st.lists(st.dictionaries(st.sampled_from(["step", "loss", "lr", "eval_loss"]), VALUES)))
def test_any_history_is_read_or_refused(history):
    found = read_trainer_state(json.dumps({"log_history": history}))
    assert found is None or all(run.iterations for run in found[0])

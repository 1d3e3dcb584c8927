"""The history of a run of Hugging Face's Trainer: trainer_state.json in its checkpoints.

Source: Transformers, src/transformers/trainer_callback.py: TrainerState. Python writes NaN and
Infinity into it, which JSON does not have.
"""

from __future__ import annotations

import json
from typing import Any

from datascan.logs.formats.series import Gaps, Series, is_wanted
from datascan.logs.runs import Run, parse_number
from datascan.text import pluralize

MAX_BYTES = 32 << 20
MAX_STEP = 1e12


def read_trainer_state(text: str) -> tuple[tuple[Run, ...], tuple[str, ...]] | None:
    """The runs of a history, and what was assumed of it; None if the text is not a history."""
    try:
        state = json.loads(text)
    except (ValueError, RecursionError):
        return None
    history = state.get("log_history") if isinstance(state, dict) else None
    if not isinstance(history, list):
        return None
    series, gaps, notes = Series(), Gaps(), []
    for entry in history:
        step = step_of(entry)
        if step is not None:
            add_entry(series, gaps, step, entry)
    if gaps.is_at_end:
        notes.append(f"the last {pluralize(len(gaps.missing), 'loss')} of null: taken as NaN")
        for step in gaps.missing:
            series.add(step, "loss", float("nan"))
    runs = series.runs()
    for run in runs:
        run.started = True  # a history is never cut off
    return (runs, tuple(notes)) if runs else None


def step_of(entry: Any) -> int | None:
    """The step of an entry; None if it has none, or sums up the run."""
    if not isinstance(entry, dict) or "train_runtime" in entry:
        return None
    step = number_of(entry.get("step"))
    return int(step) if step is not None and 0 <= step < MAX_STEP else None


def add_entry(series: Series, gaps: Gaps, step: int, entry: dict[str, Any]) -> None:
    """Add the values of an entry."""
    for name, value in entry.items():
        if is_wanted(name) and (number := number_of(value)) is not None:
            series.add(step, name, number)
    if "loss" in entry:
        if entry["loss"] is None:
            gaps.missing.append(step)
        else:
            gaps.close()


def number_of(value: Any) -> float | None:
    """A value of JSON as a number; None if it is not one."""
    if isinstance(value, str):
        return parse_number(value[:100])
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return float("inf")

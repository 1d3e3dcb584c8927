"""What a scan would take, for a person at a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from datascan.outputs.terminal.paper import MIN_WIDTH, Paper
from datascan.report.forecast import Forecast
from datascan.text import format_bytes, pluralize

MAX_FAULTS = 5
HEAD = 10
"""The width of the words at the beginning of the lines."""

MINUTE, HOUR = 60, 3600


def render_forecast(
    forecast: Forecast, *, colour: bool = False, width: int = 100, unicode: bool = True
) -> str:
    """The forecast as text."""
    paper = Paper(colour, max(width, MIN_WIDTH), unicode)
    kind = f"({paper.plain(forecast.backend)}, {paper.plain(forecast.layout)})"
    lines = paper.wrap(f"PLAN  {paper.plain(forecast.path)}  {kind}", "", " " * 6)
    for subject, text in describe(forecast):
        head = f"{subject:<{HEAD}}"
        shown = paper.wrap(head + paper.plain(text), "      ", " " * HEAD)
        paint = "warning" if subject in ("damage", "trial") else ""
        lines += [paper.paint(line, paint) if paint else line for line in shown]
    lines += paper.wrap("nothing else was read, and nothing was judged", "      ")
    return "\n".join([*lines, ""])


def summarize(forecast: Forecast) -> str:
    """The forecast in one line."""
    paper = Paper(colour=False, width=MIN_WIDTH, unicode=False)
    said = dict(describe(forecast))
    time = "not known" if forecast.seconds is None else describe_time(forecast).partition(" (")[0]
    text = (
        f"PLAN  {forecast.path}  records: {said['records']}; {said['bytes']}; time: {time}; "
        f"memory: {said['memory'].partition(';')[0]}"
    )
    if forecast.faults:
        text += f"; damage: {forecast.faults[0]}"
    return " ".join(paper.plain(text).splitlines())


def describe(forecast: Forecast) -> Iterator[tuple[str, str]]:
    """The lines: a subject, and what is to say about it."""
    yield "records", describe_records(forecast)
    yield "bytes", format_bytes(forecast.bytes)
    yield "parts", f"{forecast.parts:,}"
    yield "processes", f"{forecast.processes:,}: {forecast.processes_reason}"
    yield "memory", describe_memory(forecast)
    yield "time", describe_time(forecast)
    for fault in forecast.faults[:MAX_FAULTS]:
        yield "damage", fault
    if len(forecast.faults) > MAX_FAULTS:
        yield "damage", f"and {len(forecast.faults) - MAX_FAULTS:,} more"
    trial = forecast.trial
    if trial.error:
        yield "trial", f"ended by an error: {trial.error}"
    if trial.bad_records:
        yield "trial", f"found {pluralize(trial.bad_records, 'record')} with errors"


def describe_records(forecast: Forecast) -> str:
    """How many records would be read, and of how many."""
    if forecast.records is None:
        return "not known"
    about = "about " if forecast.is_estimate else ""
    total = forecast.total
    of = f" of {total:,}" if total is not None and total > forecast.records else ""
    return f"{about}{forecast.records:,}{of}"


def describe_memory(forecast: Forecast) -> str:
    """About how much memory is needed, and how much a process may use."""
    limit = f"a process may use {format_bytes(forecast.max_memory)}"
    if forecast.memory is None:
        return f"not known; {limit}"
    return f"about {format_bytes(forecast.memory)} in all; {limit}"


def describe_time(forecast: Forecast) -> str:
    """About how long the scan takes, and what that is estimated from."""
    trial = forecast.trial
    seen = f"{pluralize(trial.records, 'record')}, {format_bytes(trial.bytes)}"
    basis = f"trial: {seen} in {trial.seconds:.1f} s"
    if forecast.seconds is None:
        return f"not known ({basis})"
    text = f"about {format_seconds(forecast.seconds)} ({basis})"
    limit = forecast.max_time
    if limit is not None and forecast.seconds > limit:
        text += f"; --max-time {limit:g} is enough for about {limit / forecast.seconds:.0%}"
    return text


def format_seconds(seconds: float) -> str:
    """A time that is about right: "2 s", "4 min", "1.5 h"."""
    if seconds < 1:
        return "1 s"
    if seconds < 2 * MINUTE:
        return f"{seconds:.0f} s"
    return f"{seconds / MINUTE:.0f} min" if seconds < 2 * HOUR else f"{seconds / HOUR:.1f} h"

"""Makes the forecast of a scan: its plan, and a short trial."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from datascan._version import __version__
from datascan.checks.base import Check
from datascan.executors.base import Executor
from datascan.executors.machine import usable_memory
from datascan.executors.select import explain_worker_count
from datascan.readers.base import Reader
from datascan.readers.isolated import IsolatedReader
from datascan.records.shard import Plan
from datascan.report.forecast import Forecast, Trial
from datascan.scanner import trial as trials
from datascan.scanner.scan import plan_or_stop
from datascan.text import escape_surrogates


def make_forecast(
    reader: Reader, checks: Sequence[Check[Any]], executor: Executor | None
) -> Forecast:
    """What the scan of the reader's dataset would take.

    Raises:
        DatasetError: if there is nothing to scan.
    """
    began = time.monotonic()
    plan = plan_or_stop(reader, reader.observe())
    planning = time.monotonic() - began
    tried = run_trial(reader, plan, checks, executor)
    options = reader.options
    records, is_estimate = trials.estimate_records(plan, tried, options.read.limit)
    nbytes = trials.estimate_bytes(plan, reader, records)
    seconds = trials.estimate_seconds(nbytes, records, tried)
    workers = explain_worker_count(plan, options.run)
    return Forecast(
        datascan=__version__,
        backend=reader.name,
        path=" ".join(escape_surrogates(str(path)) for path in reader.paths),
        layout=plan.layout,
        records=records,
        is_estimate=is_estimate,
        total=plan.total_records,
        bytes=nbytes,
        parts=len(plan.shards),
        processes=workers.count,
        processes_reason=workers.reason,
        memory=trials.estimate_memory(workers.count, records),
        max_memory=usable_memory(options.run.max_memory),
        seconds=None if seconds is None else round(planning + seconds, 3),
        max_time=options.run.max_time,
        faults=[escape_surrogates(f"{fault.rule}: {fault.detail}") for fault in plan.faults],
        trial=Trial(
            parts=tried.parts,
            records=tried.records,
            bytes=tried.nbytes,
            seconds=round(tried.seconds, 3),
            bad_records=tried.bad_records,
            error=escape_surrogates(tried.error) or None,
        ),
    )


def run_trial(
    reader: Reader, plan: Plan, checks: Sequence[Check[Any]], executor: Executor | None
) -> trials.TrialResult:
    """The trial, in the processes that the scan would use; they have ended afterwards."""
    tried = trials.Trial(reader, checks).run(plan, executor or reader.executor(plan))
    if isinstance(reader, IsolatedReader):
        reader.end_worker()
    return tried

"""A task of a scheduler: scans a dataset in a process of its own, and fails if it has findings."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any


class DatasetFailedError(Exception):
    """The dataset has findings: another try gives the same result."""


class ScanFailedError(Exception):
    """The scan was not possible: another try may help."""


def scan_dataset(path: str, report: str, *options: str, timeout: float = 3600) -> dict[str, Any]:
    """Scan a dataset, write the report, and return it.

    Raises:
        DatasetFailedError: if the scan has findings at or above ``--fail-on``.
        ScanFailedError: if there is no report, or an incomplete one.
    """
    command = ["datascan", "scan", path, *options, "--json", report, "--no-progress", "-qq"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    if run.returncode not in {0, 1}:
        raise ScanFailedError(run.stderr.strip() or f"exit status {run.returncode}")
    found: dict[str, Any] = json.loads(Path(report).read_text("utf-8"))
    if run.returncode == 1:
        failing = [f"{f['severity']} {f['rule']}: {f['message']}" for f in found["findings"]]
        raise DatasetFailedError(f"{path}: {'; '.join(failing)}")
    return found


# In a DAG of Airflow:
#
#   @task(retries=2)
#   def check_data():
#       try:
#           scan_dataset("/data/train_lmdb", "/reports/train.json", "--num-classes", "10")
#       except DatasetFailedError as error:
#           raise AirflowFailException(str(error)) from error  # no retries

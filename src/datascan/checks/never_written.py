"""An HDF5 dataset was created but never written.

What it is
    The dataset has a shape, but no value of it is in the file. HDF5 returns zeros for all of its
    rows, without an error. They are not scanned, and not counted as records.

Why it breaks training
    Every record is zero, and every label is class 0. Nothing fails: the loss falls quickly and the
    model learns nothing.

How to find the cause
    Look at the program that wrote the file. It created the dataset with its full size and ended
    before it wrote the first row, or wrote to another dataset or file. ``h5ls -v FILE`` shows
    "0 allocated bytes".

How to fix it
    Run the writer again, or delete the dataset. The disk and the memory are not the cause.

Example
    ``never-written: train.h5:data was never written, so HDF5 returns fill values for all of its
    50,000 rows``

Limits
    A dataset whose writer has chosen a fill value may be meant to consist of it: that is
    ``not-inspected``. If HDF5 has reserved the space at once (parallel HDF5, compact datasets),
    zeros were written and are scanned as such; see ``constant-record``. Missing chunks of a dataset
    of which others exist are ``damaged-store``. Dimensions of netCDF files that have no values are
    not data.

Source
    HDF5 reference manual, H5Pset_alloc_time and H5Pset_fill_time; netCDF-4 format specification,
    section on dimensions without variables.
"""

from __future__ import annotations

from datascan.checks.fault_check import FaultCheck
from datascan.config.options import Severity
from datascan.metrics.traits import STORE


class NeverWritten(FaultCheck):
    """An HDF5 dataset was created but never written."""

    rule = "never-written"
    title = "Space that was never filled"
    severity = Severity.ERROR
    needs = (STORE,)
    fix = "run the program again that creates the file: it ended before it wrote these rows"
    phrases = ("was never written", "were never written")

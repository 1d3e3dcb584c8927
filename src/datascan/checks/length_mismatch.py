"""Data and labels of one file differ in their number of rows.

What it is
    A file holds records in one dataset and their labels in another, and the two have different
    numbers of rows. The detail gives both lengths.

Why it breaks training
    Only its position links a label to its record. If the lengths differ, at best the end of one
    dataset is missing and the pairs before it are right. At worst a row was dropped somewhere in
    the middle, and every record after it carries its neighbour's label: the loss then falls slowly
    or not at all, and no message says why. Caffe compares the lengths when it loads the file and
    aborts, which may be hours into the first epoch if the file is not the first of its list. Loops
    that stop at the shorter one say nothing.

How to find the cause
    Subtract the two numbers. A difference of one write (a batch, a buffer) points to an end that
    was never written: the program crashed or did not flush. A small difference points to records
    skipped on one side only: an image that could not be read, a last line of the label file without
    a newline, a header taken for a label. If the totals over a list of files agree but single files
    do not, the data was split at the wrong row.

How to fix it
    Rewrite the file from its source, with both datasets in one loop, so that a record is either
    skipped completely or not at all. Cut the longer dataset only if you know that the surplus is at
    its end: compare the labels of the last rows with their records.

Example
    ``length-mismatch: train.h5: data has 100 rows, label has 90``

Limits
    All rows of the data are scanned. Rows past the end of the labels count as records without a
    label, so ``missing-label`` reports them too; labels past the end of the data are ignored. Only
    the label dataset is compared, because other datasets of a different length may be unrelated.
    Which rows are shifted, if any, cannot be determined.

Source
    Caffe, src/caffe/layers/hdf5_data_layer.cpp: LoadHDF5FileData, CHECK_EQ of ``shape(0)``.
"""

from __future__ import annotations

from datascan.checks.fault_check import FaultCheck
from datascan.config.options import Severity
from datascan.metrics.traits import LABELS, STORE


class LengthMismatch(FaultCheck):
    """Data and labels of one file differ in their number of rows."""

    rule = "length-mismatch"
    title = "Not as many labels as records"
    severity = Severity.ERROR
    subject = "whole files"
    needs = (STORE, LABELS)
    fix = "rewrite the file, data and labels in one loop; cut only a surplus known to be at the end"
    phrases = (
        "has data and labels of different lengths",
        "have data and labels of different lengths",
    )

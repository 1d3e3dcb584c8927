"""Data and label of one file differ in their number of rows.

What it is
    A file holds records in one dataset and their labels in another, and the first axes of the two
    are not of the same length. The detail says how long each is.

Why it breaks training
    Row i of the labels belongs to row i of the data, by nothing but its position. Where the
    lengths differ, at best the end of one is missing, and the pairs before it are right; at worst
    a row was dropped somewhere in the middle, and every record behind it carries the label of its
    neighbour: the loss then falls slowly or not at all, and no message tells why. Caffe compares
    the lengths as it loads the file and aborts, which may be hours into the first epoch where the
    file is not the first of its list. Loops that go as far as the shorter one say nothing.

How to find the cause
    Subtract the two numbers. A difference as large as one write of the program (a batch, a buffer)
    points to an end that was never written: the program died, or did not flush. A small one points
    to records that were skipped on one side only: an image that could not be read, a line of the
    label file without a newline at its end, a header taken for a label. Equal totals over all
    files of a list, with unequal files, point to a cut at the wrong row.

How to fix it
    Write the file again from its source, both datasets in one loop, so that a record is skipped as
    a whole or not at all. Cut the longer dataset only where you know that the surplus lies at its
    end: compare the labels of the last rows with what their records show.

Example
    ``length-mismatch: train.h5: data has 100 rows, label has 90``

Limits
    All rows of the data are scanned. Those behind the end of the labels count as records without
    one, so ``missing-label`` names them as well; labels behind the end of the data are not looked
    at. Only the label is compared: other datasets of another length are taken for something else.
    Which rows are shifted, if any, cannot be told.

Source
    Caffe, src/caffe/layers/hdf5_data_layer.cpp: LoadHDF5FileData, CHECK_EQ of ``shape(0)``.
"""

from __future__ import annotations

from datascan.checks.fault_check import FaultCheck
from datascan.config.options import Severity


class LengthMismatch(FaultCheck):
    """Data and label of one file differ in their number of rows."""

    rule = "length-mismatch"
    severity = Severity.ERROR
    fix = (
        "write the file again, data and label in one loop; cut the longer only if its end is extra"
    )
    phrases = ("data and label differ in length", "data and label differ in length")

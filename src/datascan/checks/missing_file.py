"""A listed file does not exist or cannot be opened.

What it is
    The list names a file that does not exist, that you are not allowed to read, or that is not a
    regular file (a pipe or a device, which is never opened). The record and its label are counted,
    but it has no content. For HDF5, one of several files is missing, or a link inside a file leads
    nowhere; the number of records it would hold is unknown, and none are counted.

Why it breaks training
    A loader ends the run when it reaches the record, perhaps hours into the first epoch. Caffe's
    ImageData layer ends with "Could not open or find file". Loaders that skip the record leave the
    classes less balanced than the list says.

How to find the cause
    If nearly all files are missing, the paths are relative to another folder. datascan resolves the
    list's paths relative to PATH, even those with a leading slash if no such absolute path exists.
    Caffe joins ``root_folder`` and the name as plain strings: without a slash in between it looks
    for ``pictures0.jpg``. If only a few files are missing, compare upper and lower case, spaces and
    non-ASCII characters in the names, then check whether the files were deleted as broken.

How to fix it
    Correct the paths or restore the files. Remove records from the list only if you know why their
    files are gone.

Example
    ``missing-file: #1,204 n02/0317.jpg No such file or directory``

Limits
    Permissions are those of the user who runs the scan. A file that disappears during the scan is
    reported too. So is a subfolder that cannot be read, but without records, since its content is
    unknown.

Source
    Caffe, src/caffe/util/io.cpp: ReadImageToCVMat.
"""

from __future__ import annotations

from datascan.checks.fault_check import FaultCheck
from datascan.config.options import Severity
from datascan.metrics.traits import FILES


class MissingFile(FaultCheck):
    """A listed file does not exist or cannot be opened."""

    rule = "missing-file"
    title = "Listed file is missing"
    severity = Severity.ERROR
    needs = (FILES,)
    fix = "correct the list or restore the files; check the folder that the paths are relative to"
    phrases = ("is missing or cannot be opened", "are missing or cannot be opened")

"""A file that the list names does not exist or cannot be opened.

What it is
    The list names a file that is not there, that may not be read, or that is no regular file (a
    pipe or a device, which is never opened). The record is counted, its label too, but it has no
    content. Of HDF5, it is a file of several that is not there, or a link inside of one that leads
    nowhere; how many records lie behind it is not known, and none is counted.

Why it breaks training
    A loader ends the run when it comes to the record, perhaps hours into the first epoch. Caffe's
    ImageData layer ends with "Could not open or find file". Loaders that skip it make the classes
    less balanced than the list says.

How to find the cause
    If nearly all files are missing, the paths are relative to another folder: the list's paths are
    taken relative to PATH, also those that begin with a slash if there is no such absolute path.
    Caffe joins ``root_folder`` and name as strings: without a slash in between it looks for
    ``pictures0.jpg``. If single ones are missing, compare upper and lower case, spaces and
    non-ASCII characters in the name, then look whether the files were cleaned away as broken.

How to fix it
    Correct the paths or restore the files. Take records out of the list only if you also know why
    their files went.

Example
    ``missing-file: #1,204 n02/0317.jpg No such file or directory``

Limits
    Permissions are those of the user who scans. A file that vanishes while the scan runs is
    reported as well, and so is a sub-folder that cannot be read: without records, since nobody
    knows what it holds.

Source
    Caffe, src/caffe/util/io.cpp: ReadImageToCVMat.
"""

from __future__ import annotations

from datascan.checks.fault_check import FaultCheck
from datascan.config.options import Severity


class MissingFile(FaultCheck):
    """A file that the list names does not exist or cannot be opened."""

    rule = "missing-file"
    severity = Severity.ERROR
    fix = "correct the list, or restore the files; check the folder that paths are relative to"
    phrases = ("is missing or cannot be opened", "are missing or cannot be opened")

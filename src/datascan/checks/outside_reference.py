"""An HDF5 file refers to a file outside of its own folder, which was not read.

What it is
    A dataset has external storage, a link leads to another file, or a virtual dataset has a source
    that is outside of the folder of the HDF5 file: an absolute path, a path with ``..``, a symbolic
    link, or a file that exists only in the working directory. The file was not opened. No dataset
    takes the place of the one that could not be read.

Why it breaks training
    HDF5 opens such files without asking, with your rights. In the file of a stranger, labels stored
    in ``/home/you/.ssh/id_ed25519`` turn your private key into class names. In your own file, the
    dataset works only on this machine: once it is copied, a missing source is read as zeros without
    an error.

How to find the cause
    The finding names the object and the path as the file states it. ``h5dump -p -H FILE`` shows
    external storage and virtual sources, ``h5ls -r FILE`` shows links.

How to fix it
    If the files are yours, copy them into the folder and refer to them by relative paths, or scan
    with ``--follow-links``. If the file is from a stranger, do not open it with other programs.

Example
    ``outside-reference: train.h5:label refers to ../key, which is outside of its folder``

Limits
    The files that you name, yourself or in a list, may be anywhere; each has its own folder. The
    folders in ``HDF5_EXT_PREFIX``, ``HDF5_VDS_PREFIX`` and ``HDF5_EXTFILE_PREFIX`` are allowed,
    too. Of a virtual dataset with one source outside, no row is read. A path that does not exist is
    ``missing-file`` or ``damaged-store``. ``--follow-links`` cannot be set in a configuration file.

Source
    HDF5 reference manual, H5Pset_external, H5Lcreate_external and H5Pset_virtual.
"""

from __future__ import annotations

from datascan.checks.fault_check import FaultCheck
from datascan.config.options import Severity


class OutsideReference(FaultCheck):
    """An HDF5 file refers to a file outside of its own folder, which was not read."""

    rule = "outside-reference"
    title = "Data in another place was not read"
    severity = Severity.ERROR
    fix = "copy the files into the folder, or scan with --follow-links if they are yours"
    phrases = ("is in a file outside of the folder", "are in files outside of the folder")

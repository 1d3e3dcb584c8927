"""Samples of the layouts in which people store datasets, each healthy and with faults."""

from __future__ import annotations

from tests.builders.layouts.base import LAYOUTS, Layout, Sample
from tests.builders.layouts.folders import FOLDERS
from tests.builders.layouts.hdf5_files import HDF5_FILES
from tests.builders.layouts.stores import STORES

__all__ = ["FOLDERS", "HDF5_FILES", "LAYOUTS", "STORES", "Layout", "Sample"]

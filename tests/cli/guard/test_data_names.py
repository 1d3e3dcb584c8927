"""No new output becomes a part of the dataset."""

from __future__ import annotations

import pytest

from datascan.cli.guard.data_names import is_data_name
from datascan.cli.guard.guard import Guard
from datascan.cli.guard.inputs import Inputs
from datascan.decoders.image.header import EXTENSIONS
from datascan.errors import UsageError
from datascan.readers.image_folder.listing import DATA_EXTENSIONS, PARTIAL_EXTENSIONS

OWN = {".json", ".jsonl", ".xml"}


@pytest.mark.parametrize(
    "extension",
    sorted({*EXTENSIONS, *DATA_EXTENSIONS, *PARTIAL_EXTENSIONS, ".hdf", ".ldb", ".mdb-lock"} - OWN),
)
def test_a_new_file_does_not_become_data(tmp_path, extension):
    (tmp_path / "imgs").mkdir()
    guard = Guard(inputs=Inputs((tmp_path / "imgs",)))
    for name in (f"new{extension}", f"new{extension.upper()}"):
        with pytest.raises(UsageError):
            guard.check("--json", tmp_path / "imgs" / "a" / name)


@pytest.mark.parametrize("name", ["report.json", "bad.jsonl", "junit.xml", "r.html", "r.sarif"])
def test_names_of_outputs_are_not_data(name):
    assert not is_data_name(name)

"""Files of a list that do not exist or cannot be opened."""

from __future__ import annotations

from datascan.checks.missing_file import MissingFile
from datascan.records.block import Fault
from datascan.testing.blocks import block_of, finding, findings
from tests.builders.images import photo, write_tree
from tests.builders.sessions import findings_of


def test_files_of_a_list_that_do_not_exist(tmp_path):
    folder = write_tree(tmp_path / "images", {"a.jpg": photo(), "c.jpg": photo(2)})
    (tmp_path / "list.txt").write_text("a.jpg 0\nb.jpg 1\nc.jpg 1\nd.jpg 0\n")
    (found,) = findings_of(folder, "missing-file", list_file=tmp_path / "list.txt")
    assert (found.severity, found.records) == ("error", 2)
    assert found.message == "2 of 4 records are missing or cannot be opened"
    assert [(e.index, e.key, e.detail) for e in found.examples] == [
        (1, "b.jpg", "No such file or directory"),
        (3, "d.jpg", "No such file or directory"),
    ]


def test_a_list_whose_files_exist_is_healthy(tmp_path):
    folder = write_tree(tmp_path / "images", {"a.jpg": photo()})
    (tmp_path / "list.txt").write_text("a.jpg 0\n")
    assert findings_of(folder, "missing-file", list_file=tmp_path / "list.txt") == []


def test_a_folder_that_cannot_be_read_is_reported_without_a_record():
    faults = (Fault(None, "missing-file", "cannot read the folder b: Permission denied"),)
    found = finding(MissingFile, block_of(records=2), plan={"faults": faults})
    assert found.message == "cannot read the folder b: Permission denied"
    assert (found.records, found.named) == (0, {})


def test_faults_of_all_blocks_are_added():
    first = block_of(
        records=3, faults=[Fault(2, "missing-file", "why"), Fault(0, "empty-record", "x")]
    )
    second = block_of(
        records=2, faults=[Fault(1, "missing-file", "how"), Fault(1, "missing-file", "so")]
    )
    found = finding(MissingFile, first, second)
    assert (found.severity, found.records) == ("error", 2)
    assert found.message == "2 of 5 records are missing or cannot be opened"
    assert found.named == {2: "why", 4: "how; so"}


def test_the_only_record():
    block = block_of(records=1, faults=[Fault(0, "missing-file", "why")])
    assert finding(MissingFile, block).message == "1 of 1 records is missing or cannot be opened"


def test_empty_datasets_and_faults_of_other_rules():
    assert findings(MissingFile, block_of(records=0)) == []
    assert (
        findings(MissingFile, block_of(records=1, faults=[Fault(0, "empty-record", "why")])) == []
    )

"""CURRENT and manifests that LevelDB itself would not have written."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from datascan.errors import DatasetError
from tests.builders.leveldb import numbered, state, write_leveldb
from tests.builders.leveldb_coding import edit_of, frame_records, varint
from tests.readers.leveldb.test_damage import Read

ALL = numbered(range(300))


@pytest.fixture
def three(tmp_path):
    """A store of three tables."""
    return write_leveldb(tmp_path / "three", *(numbered(range(i, i + 100)) for i in (0, 100, 200)))


def test_current_lacks_its_newline(three):
    (manifest,) = three.glob("MANIFEST-*")
    (three / "CURRENT").write_text(manifest.name)
    words = f"lacks the newline that ends it, after {manifest.name}"
    read = Read(three)
    assert read.found == ALL
    (detail,) = read.details("damaged-store")
    assert (
        detail == f"CURRENT {words}: LevelDB does not open such a store; that manifest is read here"
    )
    newer = manifest.with_name("MANIFEST-000900")
    newer.write_bytes(manifest.read_bytes())
    read = Read(three)
    assert read.found == ALL
    (detail,) = read.details("damaged-store")
    assert detail == f"CURRENT {words}: {newer.name} is read instead"


def edit_manifest(folder, change):
    """Write the manifest anew, with ``change(state)`` as its only edits."""
    (manifest,) = folder.glob("MANIFEST-*")
    manifest.write_bytes(frame_records(change(state(folder))))
    return manifest.name


def test_a_table_that_an_edit_adds_and_deletes_is_not_lost(three):
    def readd(old):
        gone = b"".join(bytes([6, 0]) + varint(table.number) for table in old.tables)
        return [edit_of(old) + gone]

    edit_manifest(three, readd)
    read = Read(three)
    assert read.found == ALL
    assert read.of_store == ()


@pytest.mark.parametrize("field", [b"\x05\x07\x09a\x01" + bytes(7), b"\x06\x07\x63"])
def test_a_level_that_leveldb_does_not_have_is_damage(three, field):
    name = edit_manifest(three, lambda old: [edit_of(old) + field])
    read = Read(three)
    assert read.found == ALL
    (detail,) = read.details("damaged-store")
    assert detail.startswith(f"{name} cannot be read: it names level 7, but LevelDB has 7 levels")


@pytest.mark.parametrize("name", [b"x" * 100_000, b"\xff" * 100_000])
def test_a_long_name_of_an_order_is_cut(three, name):
    edit_manifest(three, lambda old: [edit_of(replace(old, comparator=name))])
    with pytest.raises(DatasetError, match="has keys ordered by") as raised:
        Read(three)
    assert len(str(raised.value)) < len(str(three)) + 400

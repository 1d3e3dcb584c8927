"""A reader for one record of a dataset."""

from __future__ import annotations

from contextlib import closing

import pytest

from datascan.config.options import Options
from datascan.errors import DatasetError
from datascan.plugins import CHECKS
from datascan.readers.lmdb.reader import LmdbReader
from datascan.scanner import one_record
from datascan.scanner.one_record import WHOLE_RULES, OneRecordReader, Place, Wanted
from tests.builders.lmdb import numbered, random_datums, write_lmdb


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    path = tmp_path_factory.mktemp("one") / "store"
    write_lmdb(path, numbered(random_datums(400)))
    return path


def located(store, neighbours=0, shard_bytes=1, **wanted):
    options = Options().replace(workers=0, shard_bytes=shard_bytes)
    reader = OneRecordReader(LmdbReader((store,), options), Wanted(**wanted), neighbours)
    with closing(reader):
        plan = reader.plan()
        (shard,) = plan.shards
        (key,) = reader.keys(shard, [shard.first])
        around = [
            key
            for piece in reader.around
            for key in reader.keys(piece, range(piece.first, piece.last))
        ]
    return reader.place, key, around


@pytest.mark.parametrize("index", [0, 1, 57, 58, 199, 398, 399])
def test_every_way_leads_to_the_same_record(store, index):
    key = f"{index:08}"
    places = [
        located(store, **wanted)
        for wanted in ({"index": index}, {"key": key}, {"text": key}, {"text": f"#{index}"})
    ]
    assert {place.index for place, _, _ in places} == {index}
    assert len({(place.shard, place.row) for place, _, _ in places}) == 1
    assert {found for _, found, _ in places} == {key}
    assert places[0][0].shard > 0 or index < 100


@pytest.mark.parametrize("index", [0, 2, 57, 58, 199, 398, 399])
def test_neighbours_come_from_as_many_parts_as_needed(store, index):
    _, _, around = located(store, index=index, neighbours=70)
    assert around == [f"{i:08}" for i in range(max(0, index - 70), min(400, index + 71))]


def test_too_many_predecessors_are_not_counted(store, monkeypatch):
    monkeypatch.setattr(one_record, "COUNTED_BYTES", 0)
    place, key, _ = located(store, key="00000399")
    assert isinstance(place, Place)
    assert place.index is None
    assert key == "00000399"


def test_an_index_beyond_the_end_says_how_many_there_are(store):
    with pytest.raises(DatasetError, match=r"has 400 records; indices are 0 to 399"):
        located(store, index=400)


def test_the_rules_that_need_other_records_exist():
    assert set(WHOLE_RULES) <= set(CHECKS)

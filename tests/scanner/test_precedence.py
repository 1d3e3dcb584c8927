"""Of records with equal content, the one that was not there before is the duplicate."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

import datascan
from datascan.metrics.base import Duplicates
from datascan.scanner.precedence import Precedence
from tests.builders.hdf5 import write_hdf5
from tests.builders.images import photo
from tests.builders.lmdb import numbered, random_datums, write_lmdb
from tests.cli.test_app import datascan as command

RULE = "duplicate-record"


def folder_of(home, **files):
    """A folder of images; each file has the picture of a seed."""
    for name, seed in files.items():
        path = home / "imgs" / name[0] / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(photo(seed))
    return home / "imgs"


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Eight images, of which ``b5`` repeats ``b2``."""
    monkeypatch.chdir(tmp_path)
    folder_of(tmp_path, a1=1, a2=2, a3=3, a4=4, b1=11, b2=12, b3=13, b5=12)
    return tmp_path


def accept(*arguments):
    result = command("accept", "imgs", "--baseline", "b.toml", "--reason", "known", *arguments)
    assert result.returncode == 0, result.stderr
    return result


def duplicates(**options):
    """Keys of the duplicates that are not accepted, of those that are, and of their partners."""
    report = datascan.scan("imgs", baseline="b.toml", workers=0, **options)
    found = [one for one in report.findings if one.rule == RULE]
    examples = [
        [e for one in found if bool(one.accepted) == a for e in one.examples] for a in (0, 1)
    ]
    partners = {e.key: e.related[0].key for some in examples for e in some}
    return *([e.key for e in some] for some in examples), partners


def test_a_new_copy_of_any_old_record_is_the_duplicate(home):
    accept()
    assert duplicates() == ([], ["b/b5.jpg"], {"b/b5.jpg": "b/b2.jpg"})
    # The first in the order of paths, and the only ones of their contents until now.
    folder_of(home, a0=13)
    new, known, partners = duplicates()
    assert (new, known) == (["a/a0.jpg"], ["b/b5.jpg"])
    assert partners == {"a/a0.jpg": "b/b3.jpg", "b/b5.jpg": "b/b2.jpg"}
    without = datascan.scan("imgs", workers=0)
    (finding,) = (one for one in without.findings if one.rule == RULE)
    assert [one.key for one in finding.examples] == ["b/b3.jpg", "b/b5.jpg"]


def test_a_new_copy_of_an_accepted_duplicate(home):
    accept()
    folder_of(home, a0=12)
    new, known, partners = duplicates()
    assert (new, known) == (["a/a0.jpg"], ["b/b5.jpg"])
    assert set(partners.values()) == {"b/b2.jpg"}


def test_if_only_the_duplicate_is_left_a_new_copy_is_one_of_it(home):
    accept()
    (home / "imgs/b/b2.jpg").unlink()
    folder_of(home, a0=12)
    new, known, partners = duplicates()
    assert (new, known, partners) == (["a/a0.jpg"], [], {"a/a0.jpg": "b/b5.jpg"})


def test_accepting_a_new_copy_keeps_the_old_ones(home):
    accept()
    folder_of(home, a0=13)
    accept()
    # Not the old record that follows it in the store.
    assert duplicates()[:2] == ([], ["a/a0.jpg", "b/b5.jpg"])
    folder_of(home, a00=13)
    assert duplicates()[:2] == (["a/a00.jpg"], ["a/a0.jpg", "b/b5.jpg"])


def test_a_duplicate_that_is_not_accepted_stays_one(home):
    folder_of(home, a0=13)
    (home / "imgs/b/b9.jpg").write_text("<html><title>403</title>")
    (home / "imgs/a/a0.jpg").unlink()
    accept("--rule", "not-an-image")
    assert duplicates()[:2] == (["b/b5.jpg"], [])
    folder_of(home, a0=13)
    # Other findings are accepted meanwhile.
    (home / "imgs/b/b8.jpg").write_text("<html><title>404</title>")
    accept("--rule", "not-an-image")
    assert duplicates()[:2] == (["a/a0.jpg", "b/b5.jpg"], [])


def test_records_added_since_are_known_once_accept_runs_again(home):
    accept()
    folder_of(home, b7=77)
    before = (home / "b.toml").read_text()
    result = accept()
    assert "nothing to accept" in result.stderr
    assert "records = 9" in (home / "b.toml").read_text()
    assert "records = 8" in before
    folder_of(home, a0=77)
    assert duplicates()[0] == ["a/a0.jpg"]


def filters(home):
    return [line for line in (home / "b.toml").read_text().splitlines() if "filter" in line]


@pytest.mark.parametrize("part", [("--limit", "5"), ("--ignore", RULE), ("--sample", "4")])
def test_what_a_part_shows_does_not_replace_what_is_known(home, part):
    accept()
    before = filters(home)
    assert len(before) == 1
    (home / "imgs/a/a00.jpg").write_text("<html><title>403</title>")
    accept(*part)
    assert filters(home) == before


def test_a_baseline_without_known_records_follows_the_store(home):
    accept()
    text = (home / "b.toml").read_text()
    (home / "b.toml").write_text(text[: text.index("[[known]]")])
    folder_of(home, a0=13)
    assert duplicates()[:2] == (["b/b3.jpg"], ["b/b5.jpg"])


def test_every_output_names_the_new_record(home):
    accept()
    folder_of(home, a0=3)
    names = {"json": "r.json", "html": "p.html", "junit": "j.xml", "sarif": "r.sarif"}
    files = [f"--{name}={file}" for name, file in names.items()]
    result = command(
        *("scan", "imgs", "--baseline", "b.toml", "--fail-on", "warning", *files),
        *("--bad-records", "bad.jsonl", "--bad-records-severity", "warning"),
        GITHUB_ACTIONS="true",
    )
    assert result.returncode == 1
    for text in (result.stdout, *((home / file).read_text() for file in names.values())):
        shown = " ".join(text.split())
        assert "a/a0.jpg" in shown
        assert "same content as #3 a/a3.jpg" in shown
        assert "same content as #0 a/a0.jpg" not in shown
    assert "(#0 a/a0.jpg, same content as #3 a/a3.jpg" in result.stdout
    written = json.loads((home / "r.json").read_text())
    assert written["bad_records"] == {"error": 0, "warning": 1, "info": 0, "any": 1}
    lines = [json.loads(line) for line in (home / "bad.jsonl").read_text().splitlines()]
    assert [(one["key"], one.get("accepted", False)) for one in lines] == [
        ("a/a0.jpg", False),
        ("b/b5.jpg", True),
    ]
    assert lines[0]["related"][0]["key"] == "a/a3.jpg"
    report = datascan.scan("imgs", baseline="b.toml", workers=0)
    assert report.bad_indices(RULE).tolist() == [0]


def test_the_order_of_a_store_does_not_matter_either(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    records = numbered(random_datums(20, (1, 4, 4)))
    records[b"00000015"] = records[b"00000003"]
    write_lmdb(tmp_path / "imgs", records)
    accept()
    shutil.rmtree(tmp_path / "imgs")
    write_lmdb(tmp_path / "imgs", {b"00000000a": records[b"00000007"], **records})
    assert duplicates(num_classes=10)[:2] == (["00000000a"], ["00000015"])
    for workers in (0, 2):
        report = datascan.scan("imgs", baseline="b.toml", workers=workers)
        assert report.bad_indices(RULE).tolist() == [1]


def test_the_keys_of_an_earlier_state_are_enough():
    known = Precedence.of_keys(frozenset({"b", "c"}))
    assert known.rank(["a", "b", "c"]).tolist() == [2, 0, 0]


def test_the_original_is_the_first_of_the_lowest_rank():
    indices, groups = np.array([1, 2, 5, 6, 9]), np.array([7, 3, 3, 7, 7])
    assert Duplicates(indices, groups).originals.tolist() == [1, 2, 2, 1, 1]
    ranks = np.array([2, 0, 0, 0, 1], np.int8)
    assert Duplicates(indices, groups, ranks).originals.tolist() == [6, 2, 2, 6, 6]


def test_nothing_is_asked_without_a_baseline_or_duplicates(tmp_path):
    path = write_hdf5(tmp_path / "a.h5", data=np.random.default_rng(0).normal(size=(10, 8)))
    assert datascan.scan(path, workers=0).bad_indices(RULE).tolist() == []
    assert Precedence.of(None) is None

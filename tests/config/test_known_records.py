"""The records that a baseline knows: a filter that forgets no key, and how it is stored."""

from __future__ import annotations

import msgspec
import pytest

from datascan.config.baseline import Baseline, BaselineEntry, append_entries
from datascan.config.identity import DatasetIdentity
from datascan.config.known_records import KnownRecords, are_known
from datascan.errors import UsageError

ENTRY = BaselineEntry("nan-value", "x", keys=("a",))


def remember(folder, *keys, dataset="data", part=""):
    identity = DatasetIdentity((folder / dataset,), part)
    return KnownRecords.of([keys], len(keys), folder / "b.toml", identity)


def test_no_key_is_forgotten_and_few_are_invented(tmp_path):
    keys = [f"{i:08}" for i in range(20_000)]
    halves = [keys[:7000], keys[7000:]]
    table = KnownRecords.of(
        halves, 20_000, tmp_path / "b.toml", DatasetIdentity((tmp_path / "data",))
    )
    assert are_known(table.unpack(), keys).all()
    assert len(table.filter) < 1.7 * len(keys)
    others = [f"new/{i}" for i in range(20_000)]
    # 1 in 120 is expected.
    assert are_known(table.unpack(), others).mean() < 0.015
    assert (table.dataset, table.records, table.part) == ("data", 20_000, None)


def test_any_key_can_be_asked_for(tmp_path):
    table = remember(tmp_path, "a", "\udcff", "日本")
    assert are_known(table.unpack(), ["\udcff", "日本", "a"]).all()
    assert are_known(table.unpack(), []).tolist() == []
    assert not are_known(table.unpack(), [f"b{i}" for i in range(40)]).all()


def test_the_file_keeps_them_last_and_replaces_them(tmp_path):
    file = tmp_path / "b.toml"
    first, other = remember(tmp_path, "a", "b"), remember(tmp_path, "z", dataset="other", part="p")
    text = append_entries([ENTRY], "# mine\n" + append_entries([], None), [first, other])
    file.write_text(text)
    assert text.startswith("# mine\n")
    assert Baseline.read(file).known == (first, other)
    later = remember(tmp_path, "a", "b", "c")
    again = msgspec.structs.replace(ENTRY, rule="inf-value")
    text = append_entries([again], text, [later])
    file.write_text(text)
    assert text.startswith("# mine\n")
    assert text.count("[[known]]") == 1
    assert text.index("[[known]]") > text.rindex("[[accepted]]")
    found = Baseline.read(file)
    assert (found.entries, found.known) == ((ENTRY, again), (later,))
    # Without others to keep, entries alone leave what is known as it is.
    kept = append_entries([ENTRY], text)
    file.write_text(kept)
    assert Baseline.read(file).known == (later,)
    assert append_entries([], text, [later]) == text


def test_the_file_may_be_written_by_hand(tmp_path):
    table, file = remember(tmp_path, "a"), tmp_path / "b.toml"
    accepted = 'accepted = [{rule = "nan-value", reason = "x", keys = ["a"]}]\n'
    names = f'known = [{{dataset = "data", records = 1, filter = "{table.filter}"}}]\n'
    text = 'format = "datascan-baseline/1"\n' + accepted + names
    new = remember(tmp_path, "a", "b")
    file.write_text(append_entries([ENTRY], text, [new]))
    found = Baseline.read(file)
    assert (found.entries, found.known) == ((ENTRY, ENTRY), (new,))


def test_line_endings_of_windows_are_kept(tmp_path):
    text = append_entries([ENTRY], None, [remember(tmp_path, "a")]).replace("\n", "\r\n")
    text = append_entries([ENTRY], text, [remember(tmp_path, "b")])
    assert text.count("[[known]]") == 1
    assert text.count("\n") == text.count("\r\n")


def test_each_dataset_has_its_own(tmp_path):
    file = tmp_path / "b.toml"
    one, other = remember(tmp_path, "a"), remember(tmp_path, "a", dataset="other", part="p")
    file.write_text(append_entries([], None, [one, other]))
    baseline = Baseline.read(file)
    assert baseline.of_dataset(DatasetIdentity((tmp_path / "data",))).known == (one,)
    identity = DatasetIdentity((tmp_path / "other",), "p")
    assert baseline.of_dataset(identity).known == (other,)
    assert baseline.of_dataset(DatasetIdentity((tmp_path / "other",))).known == ()


@pytest.mark.parametrize("broken", ["*", "AAAA", "A"])
def test_a_damaged_filter_is_refused(tmp_path, broken):
    table = msgspec.structs.replace(remember(tmp_path, "a"), filter=broken)
    (tmp_path / "b.toml").write_text(append_entries([], None, [table]))
    with pytest.raises(UsageError, match=r"b\.toml: the filter of data is damaged"):
        Baseline.read(tmp_path / "b.toml")

"""``datascan accept`` and ``learn``: under the configuration, for one dataset, with care."""

from __future__ import annotations

import json
import os
import tomllib
from datetime import date, timedelta
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datascan.api import scan_net
from datascan.cli.commands.accept import find_author
from datascan.config.baseline import Baseline, BaselineEntry, append_entries, contains_entries
from datascan.errors import UsageError
from tests.builders.caffe import small_net, write_net
from tests.builders.lmdb import numbered, random_datums, write_lmdb
from tests.cli.test_app import datascan, fails_in_one_line
from tests.config.test_baseline import store

KNOWN = BaselineEntry("inf-value", "x", None, ("00000005",))
NEW = BaselineEntry("nan-value", "y", date(2027, 1, 31), ("a", "b"), "", ("c", "d"), "e")


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A folder with a training and a validation set, each with NaN in record 7."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    store(tmp_path / "data" / "train", (7,))
    store(tmp_path / "data" / "val", (7,))
    return tmp_path


def configure(text):
    Path("datascan.toml").write_text(text)


def test_what_is_accepted_of_one_dataset_fails_in_another(home):
    configure('[dataset."data/*"]\nbaseline = "b.toml"\nignore = ["batch-label-gap"]\n')
    assert datascan("accept", "data/train", "--reason", "train: known").returncode == 0
    result = datascan("check")
    assert result.returncode == 1
    silenced = "(accepts the findings in b.toml; ignores batch-label-gap)"
    assert result.stdout.splitlines()[:3] == [
        "configuration datascan.toml",
        f"PASS  data/train  nan-value (accepted)  {silenced}",
        f"FAIL  data/val  nan-value  {silenced}",
    ]
    # Entries of other datasets are not this one's to tell of.
    assert "no finding any more" not in result.stderr
    (entry,) = Baseline.read(home / "b.toml").entries
    assert entry.dataset == "data/train"
    (home / "b.toml").write_text(
        append_entries([msgspec.structs.replace(entry, dataset=None)], None)
    )
    assert datascan("check").returncode == 0


def test_a_source_of_a_net_is_known_by_its_own_path(tmp_path):
    write_lmdb(tmp_path / "train_lmdb", numbered(random_datums(40, (1, 2, 3))))
    store(tmp_path / "train_lmdb", (7,))
    net, file = write_net(tmp_path, small_net()), tmp_path / "b.toml"
    ways = {"train_lmdb": True, "other_lmdb": False, "train_val.prototxt": False}
    for dataset, known in ways.items():
        entry = BaselineEntry("nan-value", "x", keys=("00000007",), dataset=dataset)
        file.write_text(append_entries([entry], None))
        (report,) = scan_net(net, root=tmp_path, baseline=file, workers=0).sources
        found = [f for f in report.findings if f.rule == "nan-value"]
        assert [f.accepted is not None for f in found] == [known], dataset


def test_findings_of_a_net_are_known_by_the_net(tmp_path):
    net, file = write_net(tmp_path, small_net()), tmp_path / "b.toml"
    for dataset, known in {"train_val.prototxt": True, "other.prototxt": False}.items():
        about = tuple(f.key for f in scan_net(net).findings if f.rule == "missing-file")
        assert about
        entry = BaselineEntry("missing-file", "x", about=about, dataset=dataset)
        file.write_text(append_entries([entry], None))
        found = [f for f in scan_net(net, baseline=file).findings if f.rule == "missing-file"]
        assert {f.accepted is not None for f in found} == {known}


def test_the_configuration_holds_for_accept(home):
    configure(
        '[dataset."data/train"]\nnum_classes = 2\nbaseline = "b.toml"\n'
        'ignore = ["batch-label-gap"]\n'
    )
    assert datascan("accept", "data/train", "--reason", "known").returncode == 0
    rules = {entry.rule for entry in Baseline.read(home / "b.toml").entries}
    assert rules == {"label-out-of-range", "nan-value"}
    assert datascan("check").returncode == 0
    (home / "datascan.toml").rename(home / "other.toml")
    told = fails_in_one_line("accept", "data/train", "--reason", "known")
    assert "--baseline" in told
    result = datascan("accept", "data/train", "--reason", "known", "--config", "other.toml")
    assert (result.returncode, result.stdout) == (0, "")
    assert "nothing to accept" in result.stderr


def test_flags_win_over_the_configuration(home):
    configure('num_classes = 2\nbaseline = "b.toml"\n')
    flags = ("--num-classes", "3", "--baseline", "c.toml")
    assert datascan("accept", "data/train", "--reason", "known", *flags).returncode == 0
    assert not (home / "b.toml").exists()
    rules = {entry.rule for entry in Baseline.read(home / "c.toml").entries}
    assert "label-out-of-range" not in rules


def test_the_configuration_holds_for_learn(home):
    good = store(home / "good", ())
    configure('num_classes = 7\nselect = ["label-out-of-range"]\nexpect = "e.toml"\n')
    result = datascan("learn", good, "-o", "e.toml")
    used = "configuration datascan.toml: applies only label-out-of-range; num_classes 7"
    assert (result.returncode, result.stderr) == (0, f"datascan: {used}\nwrote e.toml\n")
    configure("num_classes = 2\n")
    assert datascan("learn", good).returncode == 1
    (home / "datascan.toml").rename(home / "other.toml")
    assert datascan("learn", good).returncode == 0
    assert datascan("learn", good, "--config", "other.toml").returncode == 1


def test_everything_that_is_accepted_is_printed(home):
    result = datascan(
        "accept", "data/train", "--baseline", "b.toml", "--reason", "x", "--batch-size", "2,3"
    )
    gaps = [line for line in result.stdout.splitlines() if "batch-label-gap: batch size" in line]
    assert [line.split(":")[1] for line in gaps] == [" batch size 2", " batch size 3"]
    assert "accepted nan-value: 1 of 60 records holds NaN" in result.stdout
    assert "all warnings and errors" in " ".join(datascan("accept", "--help").stdout.split())


def test_a_reason_in_another_encoding(home):
    reason = os.fsdecode(b"f\xfcr sp\xe4ter")
    for _ in range(2):
        result = datascan("accept", "data/train", "--baseline", "b.toml", "--reason", reason)
        assert result.returncode == 0, result
    told = json.loads(datascan("scan", "data/train", "--baseline", "b.toml", "--json", "-").stdout)
    assert told["findings"][0]["accepted"]["reason"] == r"f\xfcr sp\xe4ter"


HEAD = 'format = "datascan-baseline/1"\n'
INLINE = 'accepted = [{rule = "inf-value", reason = "x", keys = ["00000005"]}]\n'


@pytest.mark.parametrize(
    "old",
    [
        f"# mine\n{HEAD}{INLINE}",
        f"{INLINE}# mine\n{HEAD}",
        f"accepted = [\n  {INLINE[12:-2]},\n]\n{HEAD}# mine",
        f'{HEAD}\n[[accepted]] # mine\nrule = "inf-value"\nreason = "x"\nkeys = ["00000005"]',
        f'# mine\n"format"{HEAD[6:]}[["accepted"]]\nrule = "a"\nreason = "x"\n\n# end\n\n\n',
        f"{HEAD}accepted = []  # mine\n",
        f"accepted = []\n{HEAD}# mine",
        f"{HEAD}# mine",
        f"{HEAD}# mine\n".replace("\n", "\r\n"),
    ],
)
def test_a_baseline_that_people_wrote_keeps_its_entries(old):
    before = msgspec.convert(tomllib.loads(old).get("accepted", []), list[BaselineEntry])
    text = append_entries([NEW], old)
    assert contains_entries(text, [*before, NEW])
    if "[{" not in old and "[\n  {" not in old and "[]" not in old:
        assert text.startswith(old.rstrip())
    assert contains_entries(append_entries([KNOWN], text), [*before, NEW, KNOWN])
    assert "mine" in text or "[]" in old
    assert text.count("\r\n") == (text.count("\n") if "\r" in old else 0)


def test_the_command_keeps_an_array(home):
    (home / "b.toml").write_text(f"{HEAD}{INLINE}")
    result = datascan("accept", "data/train", "--baseline", "b.toml", "--reason", "two")
    assert result.returncode == 0
    assert Baseline.read(home / "b.toml").entries[0] == KNOWN
    store(home / "data" / "train", (7, 9))
    result = datascan("accept", "data/train", "--baseline", "b.toml", "--reason", "two")
    assert "accepted nan-value: 1 of 2 not accepted before: 2 of 60" in result.stdout
    assert datascan("scan", "data/train", "--baseline", "b.toml").returncode == 0


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(
    st.lists(
        st.builds(
            BaselineEntry,
            rule=TEXT,
            reason=TEXT,
            expires=st.none() | st.dates(),
            keys=st.lists(TEXT).map(tuple),
            about=st.lists(TEXT).map(tuple),
            dataset=st.none() | TEXT | st.lists(TEXT, min_size=1).map(tuple),
            part=st.none() | TEXT,
        ),
        max_size=3,
    )
)
def test_whatever_is_written_is_read_again(entries):
    text = None
    for i, entry in enumerate(entries):
        text = append_entries([entry], text)
        assert contains_entries(text, entries[: i + 1])


def test_what_cannot_be_named(tmp_path):
    file = tmp_path / "b.toml"
    for value, told in {'""': "length >= 1", '"a\\u0000b"': "null", "3": "dataset"}.items():
        file.write_text(
            f'{HEAD}[[accepted]]\nrule = "nan-value"\nreason = "x"\ndataset = {value}\n'
        )
        with pytest.raises(UsageError, match=r"b\.toml") as error:
            Baseline.read(file)
        assert told in str(error.value)


def test_a_past_expiry_date_is_refused(home):
    yesterday = date.today() - timedelta(days=1)
    result = datascan(
        *("accept", "data/train", "--baseline", "b.toml", "--reason", "x", "--expires", yesterday)
    )
    fails_in_one_line(result)
    assert f"--expires {yesterday} is in the past" in result.stderr
    assert not (home / "b.toml").exists()
    today = ("--expires", date.today())
    done = datascan("accept", "data/train", "--baseline", "b.toml", "--reason", "x", *today)
    assert done.returncode == 0


def test_a_review_shows_what_was_added_when_and_by_whom(home):
    store(home / "data" / "train", (40, 7, 9))
    arguments = ("accept", "data/train", "--baseline", "b.toml", "--rule", "nan-value")
    assert datascan(*arguments, "--reason", "x", "--by", 'Ada "A" L').returncode == 0
    text = (home / "b.toml").read_text()
    lines = text.splitlines()
    assert f"added = {date.today()}" in lines
    assert 'by = "Ada \\"A\\" L"' in lines
    keys = [line for line in lines if line.startswith("    ")]
    assert len(keys) == 3
    assert keys == sorted(keys)
    (entry,) = Baseline.read(home / "b.toml").entries
    assert (entry.added, entry.by) == (date.today(), 'Ada "A" L')


@pytest.mark.parametrize("name", ["Grace", ""])
def test_the_author_is_that_of_commits_or_the_user(home, monkeypatch, name):
    monkeypatch.setenv("GIT_AUTHOR_NAME", name)
    monkeypatch.setenv("LOGNAME", "hopper")
    assert find_author() == (name or "hopper")


def test_a_user_without_a_name_accepts_without_one(monkeypatch):
    def fail():
        raise KeyError("uid")

    monkeypatch.delenv("GIT_AUTHOR_NAME", raising=False)
    monkeypatch.setattr("getpass.getuser", fail)
    assert find_author() == ""


def test_infos_are_accepted_if_asked_for(home):
    arguments = ("accept", "data/train", "--baseline", "b.toml", "--reason", "x")
    info = ("--severity", "nan-value=info")
    plain = datascan(*arguments, *info)
    assert "nan-value" not in plain.stdout
    asked = datascan(*arguments, *info, "--infos")
    assert "accepted nan-value" in asked.stdout
    named = datascan(
        *("accept", "data/val", "--baseline", "b.toml", "--reason", "x", *info),
        *("--rule", "nan-value"),
    )
    assert "accepted nan-value" in named.stdout


def test_entries_that_match_nothing_are_in_the_report(home):
    arguments = ("accept", "data/train", "--baseline", "b.toml", "--rule", "nan-value")
    assert datascan(*arguments, "--reason", "sensor 3").returncode == 0
    scan = ("scan", "data/train", "--baseline", "b.toml")
    assert "unmatched" not in json.loads(datascan(*scan, "--json", "-").stdout)
    store(home / "data" / "train", ())
    report = json.loads(datascan(*scan, "--json", "-").stdout)
    assert report["unmatched"] == [{"rule": "nan-value", "reason": "sensor 3", "records": 1}]
    part = json.loads(datascan(*scan, "--json", "-", "--sample", "5").stdout)
    assert "unmatched" not in part
    shown = " ".join(datascan(*scan, "--verbose", "--html", "page.html").stdout.split())
    words = "1 entry of the baseline matches no finding any more: nan-value (sensor 3)"
    assert words in shown
    assert words in (home / "page.html").read_text()


def test_files_without_date_and_author_still_work(home):
    (home / "b.toml").write_text(
        'format = "datascan-baseline/1"\n\n[[accepted]]\nrule = "nan-value"\n'
        'dataset = "data/train"\nreason = "old"\nkeys = ["00000007"]\n'
    )
    assert datascan("scan", "data/train", "--baseline", "b.toml").returncode == 0
    accept = ("accept", "data/val", "--baseline", "b.toml", "--reason", "new", "--rule")
    assert datascan(*accept, "nan-value").returncode == 0
    old, new = Baseline.read(home / "b.toml").entries
    assert (old.added, old.by) == (None, "")
    assert new.added == date.today()


def test_a_dataset_without_findings_gets_a_baseline_that_knows_its_records(home):
    options = ("--baseline", "c.toml", "--num-classes", "3", "--ignore", "nan-value")
    assert datascan("accept", "data/train", "--reason", "known", *options).returncode == 0
    assert Baseline.read(home / "c.toml").known

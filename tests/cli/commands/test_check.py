"""``datascan check``: one verdict and one exit status for several datasets."""

from __future__ import annotations

import json

import junitparser
import pytest

from datascan.cli.app import run
from tests.builders.lmdb import numbered, random_datums, write_lmdb


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    write_lmdb(tmp_path / "good", numbered(random_datums(300)))
    write_lmdb(tmp_path / "poor", numbered([*random_datums(300), b""]))
    return tmp_path


def check(project, text, *arguments):
    (project / "datascan.toml").write_text(text)
    return run(["check", "--no-progress", *arguments])


def test_the_worst_decides(project, capsys):
    assert check(project, '[dataset.good]\n[dataset."po*"]\n', "--json", "all.json") == 1
    whole = json.loads((project / "all.json").read_text())
    assert whole["verdict"] == "fail"
    assert [one["verdict"] for one in whole["datasets"]] == ["pass", "fail"]
    assert capsys.readouterr().out.splitlines()[-1].startswith("FAIL  2 datasets: 1 fail")


def test_only_the_datasets_around_the_given_files(project):
    text = "[dataset.good]\n[dataset.poor]\n"
    assert check(project, text, "good/data.mdb") == 0
    assert check(project, text, "poor") == 1


def test_a_scan_that_cannot_be_made_does_not_stop_the_others(project, capsys):
    (project / "empty").mkdir()
    assert check(project, "[dataset.empty]\n[dataset.good]\n") == 2
    told = capsys.readouterr()
    assert len(told.err.splitlines()) == 1
    assert "PASS  good" in told.out


def test_a_pattern_that_matches_nothing(project, capsys):
    assert check(project, "[dataset.good]\n[dataset.absent]\n") == 2
    told = capsys.readouterr()
    assert "absent: dataset pattern" in told.err
    assert told.out.splitlines()[0] == "configuration datascan.toml"
    assert told.out.splitlines()[1].startswith("PASS  good")


def test_one_pattern_means_what_it_finds(project):
    for name in ("data/train", "data/a/train"):
        write_lmdb(project / name, numbered(random_datums(300)))
    text = '[dataset."data/**/train"]\nignore = ["batch-label-gap"]\nnum_classes = 2\n'
    assert check(project, text, "--json", "all.json") == 1
    whole = json.loads((project / "all.json").read_text())["datasets"]
    assert [one["labels"]["num_classes"] for one in whole] == [2, 2]


def test_a_folder_whose_name_looks_like_a_pattern(tmp_path, monkeypatch):
    folder = tmp_path / "proj[1]*"
    write_lmdb(folder / "good", numbered(random_datums(300)))
    monkeypatch.chdir(folder)
    assert check(folder, '[dataset."g*"]\n') == 0


def test_datasets_below_a_path_are_meant(project, capsys):
    write_lmdb(project / "data" / "poor", numbered([*random_datums(300), b""]))
    text = '[dataset.good]\n[dataset."data/*"]\n'
    assert check(project, text, "data") == 1
    verdicts = capsys.readouterr().out.splitlines()[1:]
    assert [line[:4] for line in verdicts] == ["FAIL", "FAIL"]


def test_files_outside_of_all_datasets_pass_and_say_so(project, capsys):
    (project / "notes.txt").write_text("")
    assert check(project, "[dataset.good]\n", "notes.txt") == 0
    assert "nothing was scanned" in capsys.readouterr().out


def test_what_could_not_be_scanned_stands_in_every_output(project, monkeypatch, capsys):
    (project / "empty").mkdir()
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    files = ["--json", "all.json", "--sarif", "all.sarif", "--junit", "all.xml"]
    assert check(project, "[dataset.empty]\n[dataset.good]\n", *files) == 2
    assert "::error title=not scanned%3A empty::" in capsys.readouterr().out
    whole = json.loads((project / "all.json").read_text())
    assert (whole["verdict"], whole["not_scanned"][0]["path"]) == ("fail", "empty")
    suites = list(junitparser.JUnitXml.fromstring((project / "all.xml").read_bytes()))
    assert [(suite.name, suite.errors) for suite in suites] == [
        ("datascan good", 0),
        ("datascan empty", 1),
    ]
    good, empty = json.loads((project / "all.sarif").read_text())["runs"]
    assert good["invocations"][0]["executionSuccessful"] is True
    assert empty["invocations"][0]["executionSuccessful"] is False
    assert "empty" in empty["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"]


def test_accepted_findings_are_told_as_such(project, capsys):
    accept = ["accept", "poor", "--baseline", "known.toml", "--reason", "old", "--no-progress"]
    (project / "datascan.toml").write_text("")
    assert run(accept) == 0
    assert check(project, '[dataset.poor]\nbaseline = "known.toml"\n') == 0
    assert "empty-record (accepted)" in capsys.readouterr().out


def test_flags_win_over_the_file(project):
    (project / "datascan.toml").write_text('[dataset.poor]\nfail_on = "never"\n')
    assert run(["lmdb", "poor", "-qq"]) == 0
    assert run(["lmdb", "poor", "-qq", "--fail-on", "error"]) == 1


def test_a_severity_of_the_command_line_decides(project):
    (project / "datascan.toml").write_text("")
    assert run(["lmdb", "poor", "-qq", "--severity", "empty-record=info"]) == 0


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:%064d\nsize 5\n"


def test_a_dataset_of_which_only_the_pointer_of_dvc_is_there(project, capsys):
    (project / "train.lmdb.dvc").write_text("outs:\n- path: train.lmdb\n")
    why = "the data is not here, only train.lmdb.dvc (dvc pull)"
    for pattern in ("train.lmdb", "train.*", "tr*/"):
        assert check(project, f'[dataset."{pattern}"]\n[dataset.good]\n', "--json", "x.json") == 2
        seen = capsys.readouterr()
        assert seen.err.splitlines() == [f"datascan: train.lmdb: {why}", "wrote x.json"]
        assert "PASS  good" in seen.out
        (failed,) = json.loads((project / "x.json").read_text())["not_scanned"]
        assert failed == {"path": "train.lmdb", "error": why}


def test_a_pattern_that_also_matches_pointers(project, capsys):
    (project / "good.dvc").write_text("outs:\n- path: good\n")
    (project / "gold.dvc").write_text("outs:\n- path: gold\n")
    assert check(project, '[dataset."go*"]\n') == 2
    seen = capsys.readouterr()
    assert seen.err.splitlines() == [
        "datascan: gold: the data is not here, only gold.dvc (dvc pull)"
    ]
    assert seen.out.splitlines()[1:] == [
        "PASS  good  no findings",
        "FAIL  2 datasets: 0 failed, 1 could not be scanned",
    ]


def test_a_pointer_that_is_given_means_its_data(project, capsys):
    text = "[dataset.good]\n[dataset.gold]\n[dataset.poor]\n"
    (project / "good.dvc").write_text("outs:\n- path: good\n")
    (project / "gold.dvc").write_text("outs:\n- path: gold\n")
    assert check(project, text, "good.dvc") == 0
    assert "PASS  good" in capsys.readouterr().out
    assert check(project, text, "good.dvc", "gold.dvc") == 2
    assert capsys.readouterr().err.splitlines() == [
        "datascan: gold: the data is not here, only gold.dvc (dvc pull)"
    ]
    assert check(project, text, "poor/data.mdb") == 1
    assert "dvc" not in capsys.readouterr().err


def test_with_a_changed_configuration_all_datasets_are_meant(project):
    text = "[dataset.good]\n[dataset.poor]\n"
    assert check(project, text, "datascan.toml") == 1
    assert check(project, text + "[dataset.absent]\n", "datascan.toml") == 2
    assert check(project, text + "[dataset.absent]\n", "good") == 0


def test_images_that_are_pointers_are_one_finding_and_one_line(project, capsys):
    for i in range(300):
        file = project / "images" / f"{i % 2}" / f"{i}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(POINTER % i)
    assert check(project, "[dataset.images]\n", "--json", "all.json") == 1
    assert capsys.readouterr().out.splitlines()[1] == (
        "FAIL  images  not-an-image  (run git lfs pull: the images are not here)"
    )
    (images,) = json.loads((project / "all.json").read_text())["datasets"]
    (found,) = images["findings"]
    assert found["message"] == (
        "300 of 300 records are not images; 300 of them are Git LFS pointers"
    )
    assert found["fix"] == "run git lfs pull: the images are not here"


def test_a_link_to_nowhere_that_is_given(project, capsys):
    (project / "gone").symlink_to("nowhere")
    assert check(project, "[dataset.good]\n", "gone") == 0
    assert "nothing was scanned" in capsys.readouterr().out


@pytest.mark.parametrize("pattern", ["d/*", "d/**/*", "d/**", "**/ds"])
def test_a_link_to_itself_does_not_stop_a_pattern(project, capsys, pattern):
    (project / "d").mkdir()
    (project / "good").rename(project / "d" / "ds")
    (project / "d" / "loop").symlink_to("loop")
    status = check(project, f'[dataset."{pattern}"]\n')
    printed = capsys.readouterr()
    assert "PASS  d/ds" in printed.out
    assert "loop" not in printed.out + printed.err
    # ``d/**`` also matches the folder ``d``, which is not a dataset.
    assert status == (2 if pattern == "d/**" else 0)


def test_a_link_to_itself_that_is_named_is_one_failed_dataset(project, capsys):
    (project / "loop").symlink_to("loop")
    assert check(project, "[dataset.loop]\n[dataset.good]\n") == 2
    printed = capsys.readouterr()
    assert len(printed.err.splitlines()) == 1
    assert printed.err.startswith("datascan: loop is not a dataset ")
    assert "PASS  good" in printed.out
    assert check(project, "[dataset.good]\n", "loop") == 0


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("scan", "loop is not a dataset"),
        ("images", "loop is not a folder of images"),
        ("hdf5", "no such path: loop"),
        ("lmdb", "loop is not an LMDB environment"),
        ("leveldb", "loop does not exist"),
        ("learn --output e.toml", "loop is not a dataset"),
        ("accept --reason known --baseline b.toml", "loop is not a dataset"),
    ],
)
def test_a_link_to_itself_that_is_given_with_a_configuration(project, capsys, command, words):
    (project / "loop").symlink_to("loop")
    (project / "datascan.toml").write_text("[dataset.good]\n")
    assert run([*command.split(), "loop"]) == 2
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"datascan: {words}")


def test_flags_win_over_the_configuration(project, capsys):
    text = 'ignore = "empty-record"\n[dataset.good]\n[dataset.poor]\nfail_on = "never"\n'
    assert check(project, text) == 0
    assert check(project, text, "--ignore", "key-gap", "--fail-on", "error") == 1
    assert "ignores" in capsys.readouterr().out
    assert check(project, text, "--tolerate", "empty-record=1", "--ignore", "key-gap") == 0


def test_options_of_one_dataset_are_refused(project, capsys):
    for flag in ("--resume", "--list"):
        assert check(project, "[dataset.good]\n", flag, "x") == 2
        assert f"no such option: {flag}" in capsys.readouterr().err


def test_bad_records_name_their_dataset(project, capsys):
    assert check(project, '[dataset.good]\n[dataset."po*"]\n', "--bad-records", "bad.jsonl") == 1
    (line,) = map(json.loads, (project / "bad.jsonl").read_text().splitlines())
    assert (line["dataset"], line["index"], line["rule"]) == ("poor", 300, "empty-record")
    assert capsys.readouterr().err == "wrote bad.jsonl (1 record)\n"
    assert check(project, "[dataset.good]\n", "--bad-records", "bad.jsonl") == 0
    assert (project / "bad.jsonl").read_text() == ""


def test_one_line_or_none(project, capsys):
    text = "[dataset.good]\n[dataset.poor]\n"
    assert check(project, text, "-q", "--json", "all.json") == 1
    told = capsys.readouterr()
    assert (told.out, told.err) == ("FAIL  2 datasets: 1 failed\n", "")
    assert check(project, text, "-qq", "--json", "all.json") == 1
    told = capsys.readouterr()
    assert (told.out, told.err) == ("", "")


def test_a_folder_of_pages(project, capsys):
    text = "[dataset.good]\n[dataset.poor]\n[dataset.absent]\n"
    assert check(project, text, "--html", "pages/") == 2
    assert {path.name for path in (project / "pages").iterdir()} == {
        *("index.html", "good.html", "poor.html")
    }
    index = (project / "pages/index.html").read_text()
    assert '<a href="good.html">good</a>' in index
    assert "<td>absent</td>" in index
    assert capsys.readouterr().err.endswith("wrote pages/index.html (and 2 pages)\n")
    # A folder that exists needs no slash, and pages of datascan are replaced.
    assert check(project, "[dataset.good]\n", "--html", "pages") == 0
    assert '<a href="poor.html">' not in (project / "pages/index.html").read_text()


def test_pages_replace_nothing_else(project, capsys):
    (project / "pages").mkdir()
    (project / "pages/good.html").write_text("mine")
    assert check(project, "[dataset.good]\n", "--html", "pages") == 2
    assert "was not written by datascan" in capsys.readouterr().err
    assert (project / "pages/good.html").read_text() == "mine"
    assert check(project, "[dataset.good]\n", "--html", "absent/pages/") == 2
    assert "absent" in capsys.readouterr().err


def test_a_file_is_one_page_of_all(project):
    assert check(project, "[dataset.good]\n[dataset.poor]\n", "--html", "all.html") == 1
    assert "2 datasets: 1 failed" in (project / "all.html").read_text()


def test_all_in_one_markdown_and_one_file_of_metrics(project):
    text = "[dataset.good]\n[dataset.poor]\n"
    assert check(project, text, "--markdown", "r.md", "--metrics", "m.json") == 1
    assert (project / "r.md").read_text().count("\n## ") == 3
    numbers = json.loads((project / "m.json").read_text())
    assert numbers["good/verdict"] == 0
    assert numbers["poor/empty-record"] == 1
    # The form does not depend on the number of datasets.
    assert check(project, "[dataset.good]\n", "--metrics", "m.json") == 0
    assert json.loads((project / "m.json").read_text())["good/records"] == 300


@pytest.mark.parametrize("words", [["scan", "good", "poor"], ["check"]])
def test_a_cache_is_never_in_another_dataset(project, capsys, words):
    (project / "datascan.toml").write_text("[dataset.good]\n[dataset.poor]\n")
    before = sorted((project / "poor").iterdir())
    assert run([*words, "--no-progress", "--cache=poor/kept"]) == 1
    said = capsys.readouterr().err.splitlines()
    assert (
        said
        == ["datascan: the cache is not used: poor/kept is inside of a dataset that is scanned"] * 2
    )
    assert sorted((project / "poor").iterdir()) == before
    assert run([*words, "--no-progress", "--cache=kept"]) == 1
    assert any((project / "kept").iterdir())


def test_a_plan_of_each_dataset(project, capsys):
    text = "[dataset.good]\n[dataset.poor]\n[dataset.absent]\n"
    before = sorted(path.name for path in project.rglob("*"))
    assert check(project, text, "--plan") == 2
    told = capsys.readouterr()
    assert [line for line in told.out.splitlines() if line.startswith("PLAN")] == [
        "PLAN  good  (lmdb, caffe-datum)",
        "PLAN  poor  (lmdb, caffe-datum)",
    ]
    assert told.err.startswith("datascan: absent: dataset pattern of ")
    assert check(project, "[dataset.poor]\n", "--plan", "-q") == 0
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert sorted(path.name for path in project.rglob("*")) == sorted([*before, "datascan.toml"])
    assert check(project, "[dataset.poor]\n", "--plan", "--junit", "j.xml") == 2
    assert "there is no report for --junit" in capsys.readouterr().err

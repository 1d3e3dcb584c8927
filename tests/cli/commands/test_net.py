"""``datascan net`` as a shell sees it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.builders.caffe import (
    FIXED,
    data,
    inner,
    small_net,
    softmax_loss,
    write_datums,
    write_net,
)
from tests.cli.test_app import datascan, fails_in_one_line


@pytest.fixture
def net(tmp_path):
    labels = np.arange(120) % 4
    labels[[7, 9, 11, 13, 15]] = 4
    write_datums(tmp_path / "train_lmdb", labels)
    return write_net(tmp_path, small_net(batch=60))


def test_findings_are_1_and_both_parts_are_shown(net):
    result = datascan("net", net)
    assert (result.returncode, result.stderr) == (1, "")
    first, second = result.stdout.split("-- TRAIN: layer data, batch size 60, 4 classes")
    assert first.startswith("FAIL")
    assert "1 source, 120 records" in first
    assert "label-beyond-outputs" in second
    assert "#7  00000007  label 4" in second
    assert "smallest safe batch size" not in second


def test_clean_is_0(tmp_path):
    write_datums(tmp_path / "train_lmdb")
    net = write_net(tmp_path, data(batch=100) + inner("ip", "data", 4) + softmax_loss())
    result = datascan("net", net, "-qq")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_the_net_alone(net):
    result = datascan("net", net, "--no-data")
    assert result.returncode == 0
    nothing = "Nothing was found that needs attention in the net."
    assert f"no data was scanned\n      {nothing}\n" in result.stdout
    assert "nothing here should break training" not in result.stdout


def test_json_alone_on_standard_output(net):
    result = datascan("net", net, "--json", "-")
    report = json.loads(result.stdout)
    assert report["dataset"]["backend"] == "net"
    assert report["verdict"] == "fail"
    assert report["findings"] == []
    assert report["sources"][0]["findings"][0]["rule"] == "label-beyond-outputs"


def test_findings_about_the_net_have_a_key_and_no_index(net, tmp_path):
    solver = write_net(tmp_path, "base_lr: 0.1", name="solver.prototxt")
    result = datascan("net", net, "--solver", solver, "--no-data", "--json", "-")
    (finding,) = json.loads(result.stdout)["findings"]
    assert finding["rule"] == "lr-policy-incomplete"
    assert finding["examples"] == [{"detail": "there is no lr_policy", "key": "solver"}]


def test_every_bad_record_with_its_source(net, tmp_path):
    bad = tmp_path / "bad.jsonl"
    assert datascan("net", net, "--bad-records", bad, "-qq").returncode == 1
    lines = [json.loads(line) for line in bad.read_text().splitlines()]
    assert [line["index"] for line in lines] == [7, 9, 11, 13, 15]
    assert lines[0] == {
        "source": "train_lmdb",
        "phase": "TRAIN",
        "index": 7,
        "key": "00000007",
        "rule": "label-beyond-outputs",
        "severity": "error",
        "detail": "label 4",
    }


def test_a_saved_report_is_shown_again(net, tmp_path):
    saved = tmp_path / "report.json"
    shown = datascan("net", net, "--json", saved).stdout
    again = datascan("report", saved).stdout
    assert again.startswith(shown)
    # How it was made is only said of a saved report.
    assert again[len(shown) :].startswith("\nmade by datascan ")


def test_root_and_a_solver_in_place_of_the_net(net, tmp_path):
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    solver = write_net(elsewhere, FIXED + 'net: "train_val.prototxt"', name="solver.prototxt")
    alone = datascan("net", solver)
    assert alone.returncode == 1
    said = " ".join(alone.stdout.split())
    assert "solver: net train_val.prototxt does not exist" in said
    assert "only the solver was checked" in said
    assert f"datascan net NET.prototxt --solver {solver}" in said
    assert datascan("net", solver, "--root", tmp_path).returncode == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"layer {\n  name: 3\n}", "line 2, column 9"),
        (b"", "neither a net nor a solver"),
        (b"\0\0", "is a binary file"),
        (b"layer { \x1b[31m }", "line 1"),
    ],
)
def test_a_net_that_does_not_parse_exits_with_2(tmp_path, content, message):
    path = tmp_path / "net.prototxt"
    path.write_bytes(content)
    error = fails_in_one_line("net", path)
    assert message in error
    assert "\x1b" not in error


def test_usage_is_2(net, tmp_path):
    assert "no such file" in fails_in_one_line("net", tmp_path / "none")
    assert "no such file" in fails_in_one_line("net", net, "--solver", tmp_path / "none")
    assert "did you mean lr-not-finite" in fails_in_one_line("net", net, "--ignore", "lr-finite")
    assert "is a net, not a solver" in fails_in_one_line("net", net, "--solver", net)
    assert "cannot" in fails_in_one_line("net", net, "--json", tmp_path / "no" / "folder.json")


def test_the_configuration_holds_for_the_net_and_its_sources(net):
    (net.parent / "datascan.toml").write_text(
        'limit = 20\n[dataset."train_lmdb"]\nseverity = {"label-beyond-outputs" = "info"}\n'
    )
    config = ("--config", net.parent / "datascan.toml")
    report = json.loads(datascan("net", net, "--json", "-", *config).stdout)
    (source,) = report["sources"]
    assert source["dataset"]["records"] == 20
    found = {finding["rule"]: finding["severity"] for finding in source["findings"]}
    assert found["label-beyond-outputs"] == "info"
    assert report["verdict"] == "pass"
    # Flags win over the file.
    report = json.loads(datascan("net", net, "--json", "-", "--limit", 30, *config).stdout)
    assert report["sources"][0]["dataset"]["records"] == 30


def test_settings_for_the_net_itself(net):
    config = net.parent / "settings.toml"
    config.write_text('[dataset."*.prototxt"]\nfail_on = "never"\nignore = ["died"]\n')
    report = json.loads(datascan("net", net, "--json", "-", "--config", config).stdout)
    assert report["fail_on"] == "never"
    assert "died" not in report["rules"]
    assert report["sources"][0]["fail_on"] == "error"


def test_a_configuration_that_is_refused(net):
    config = net.parent / "settings.toml"
    config.write_text("limit = -1\n")
    said = fails_in_one_line("net", net, "--config", config)
    assert f"{config}: limit must be a whole number of at least 1, below 2^63, not -1" in said

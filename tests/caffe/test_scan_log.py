"""Logs with their nets: which records were read when the loss broke."""

from __future__ import annotations

import json
import math
import shutil

import numpy as np
import pytest

import datascan
from datascan.caffe.record_range import ReadRange, candidate_ranges
from datascan.errors import UsageError
from datascan.logs.diagnosis import Diagnosis
from datascan.logs.runs import Run
from tests.builders.caffe_logs import crash, line, log_of, solver_lines
from tests.builders.lmdb import datum, numbered, write_lmdb
from tests.cli.test_app import datascan as shell
from tests.cli.test_app import fails_in_one_line

NAN = math.nan
NET = """name: "tiny"
layer {{ name: "data" type: "Data" top: "data" top: "label" include {{ phase: TRAIN }}
  data_param {{ source: "store" batch_size: {batch} backend: LMDB {more} }} }}
layer {{ name: "ip" type: "InnerProduct" bottom: "data" top: "ip"
  inner_product_param {{ num_output: 3 weight_filler {{ type: "xavier" }} }} }}
layer {{ name: "loss" type: "SoftmaxWithLoss" bottom: "ip" bottom: "label" top: "loss" }}
"""


def story(tmp_path, text, bad, records=500, batch=10, iter_size=1, more="", label=None):
    """A store whose records ``bad`` hold NaN (or ``label``), a net, a solver and a log."""
    arrays = np.random.default_rng(0).random((records, 1, 2, 2)).astype(np.float32)
    labels = [i % 3 for i in range(records)]
    for index in bad:
        if label is None:
            arrays[index, 0, 1, 1] = np.nan
        else:
            labels[index] = label
    values = [datum(a, k) for a, k in zip(arrays, labels, strict=True)]
    write_lmdb(tmp_path / "store", numbered(values))
    (tmp_path / "net.prototxt").write_text(NET.format(batch=batch, more=more))
    (tmp_path / "solver.prototxt").write_text(
        f'net: "net.prototxt" base_lr: 0.1 lr_policy: "fixed" display: 10 max_iter: 100 '
        f"iter_size: {iter_size}\n"
    )
    (tmp_path / "train.log").write_text(text)
    report = datascan.scan_log(
        tmp_path / "train.log",
        net=tmp_path / "net.prototxt",
        solver=tmp_path / "solver.prototxt",
        workers=0,
    )
    return report.log, report


def broken_at(first, last=60):
    """A log that is finite up to ``first``, and NaN ten iterations on."""
    points = [(i, 1.0 if i <= first else NAN) for i in range(0, last + 1, 10)]
    return log_of(points)


def test_the_record_is_named(tmp_path):
    log, report = story(tmp_path, broken_at(20), [257])
    assert (log.last_finite_iteration, log.first_nonfinite_iteration) == (20, 30)
    assert (log.iterations, log.cause) == (60, "sudden-nan")
    assert (log.records.first, log.records.last) == (210, 309)
    assert log.culprits == [257]
    finding = next(f for f in report.findings if f.rule == "sudden-nan")
    assert "records 210 to 309: record 257 (00000257): nan-value" in finding.message
    assert all(example.index is None for example in finding.examples)
    assert not report.passed
    assert len(report.sources) == 1


def test_only_records_of_the_range_are_culprits(tmp_path):
    log, _ = story(tmp_path, broken_at(20), [209, 210, 309, 310])
    assert log.culprits == [210, 309]


def test_round_and_round_the_epoch(tmp_path):
    # Iterations 41 to 50 read records 410 to 509 of 450: across the end of the epoch.
    log, report = story(tmp_path, broken_at(40), [5, 430, 100], records=450)
    assert (log.records.first, log.records.last) == (410, 59)
    assert log.culprits == [5, 430]
    assert "across the end of the epoch" in report.findings[0].message


def test_a_range_as_large_as_the_store(tmp_path):
    log, report = story(tmp_path, broken_at(20), [7], records=90)
    assert (log.records.first, log.records.last) == (0, 89)
    assert log.culprits == [7]
    assert "read the whole store" in report.findings[0].message


def test_iter_size_counts(tmp_path):
    log, _ = story(tmp_path, broken_at(20), [450, 400], records=1000, iter_size=2)
    assert (log.records.first, log.records.last) == (420, 619)
    assert log.culprits == [450]


def test_several_devices_count(tmp_path):
    text = "I1123 06:23:46.341041 29 caffe.cpp:218] Using GPUs 0,1\n" + broken_at(20)
    log, _ = story(tmp_path, text, [450], records=1000)
    assert (log.records.first, log.records.last) == (420, 619)


def test_from_the_start(tmp_path):
    log, _ = story(tmp_path, log_of([(0, NAN), (10, NAN)]), [3, 17])
    assert log.cause == "nan-from-start"
    assert (log.last_finite_iteration, log.first_nonfinite_iteration) == (None, 0)
    assert (log.records.first, log.records.last, log.culprits) == (0, 9, [3])


def test_a_run_that_died_on_a_label(tmp_path):
    text = log_of([(0, 1.1), (10, 1.0)]) + crash("Check failed: label_value < 3 (99 vs. 3)")
    log, report = story(tmp_path, text, [155], label=99)
    assert (log.cause, log.last_finite_iteration, log.first_nonfinite_iteration) == (
        "died",
        10,
        None,
    )
    assert (log.records.first, log.records.last, log.culprits) == (110, 209, [155])
    assert "label-beyond-outputs" in report.findings[0].message


def test_a_resumed_run_reads_from_the_beginning_of_its_store(tmp_path):
    text = solver_lines() + "I1123 06:23:46.3 29 sgd_solver.cpp:3] Restoring previous solver status"
    text += " from s\n" + line(1000, 1.0) + line(1010, 1.0) + line(1020, NAN)
    log, _ = story(tmp_path, text, [150], records=5000)
    assert (log.records.first, log.records.last, log.culprits) == (110, 209, [150])


@pytest.mark.parametrize("more", ["rand_skip: 5"])
def test_an_unknown_order_is_told(tmp_path, more):
    log, report = story(tmp_path, broken_at(20), [257], more=more)
    assert (log.records, log.culprits) == (None, None)
    assert "shuffles or skips" in report.findings[0].message


def test_the_range_is_told_of_a_store_that_is_gone(tmp_path):
    story(tmp_path, broken_at(20), [])
    shutil.rmtree(tmp_path / "store")
    report = datascan.scan_log(tmp_path / "train.log", solver=tmp_path / "solver.prototxt")
    assert (report.log.records, report.log.culprits) == (None, None)
    told = {finding.rule: finding.message for finding in report.findings}
    assert "read records 210 to 309, if the store has that many" in told["sudden-nan"]
    assert "missing-file" in told


def named(tmp_path, **options):
    """The culprits that the log of :func:`story` in ``tmp_path`` is told with ``options``."""
    report = datascan.scan_log(
        tmp_path / "train.log", solver=tmp_path / "solver.prototxt", workers=0, **options
    )
    return report.log.culprits, report


@pytest.mark.parametrize(
    "options",
    [
        {"select": ["sudden-nan"]},
        {"ignore": ["nan-value"]},
        {"severity": {"nan-value": "warning"}},
    ],
)
def test_what_is_reported_does_not_hide_the_record(tmp_path, options):
    story(tmp_path, broken_at(20), [257])
    culprits, report = named(tmp_path, **options)
    assert culprits == [257]
    assert "record 257" in next(f.message for f in report.findings if f.rule == "sudden-nan")
    assert not any(f.rule == "nan-value" and f.severity == "error" for f in report.all_findings)


def test_a_limit_leaves_the_records_unknown(tmp_path):
    story(tmp_path, broken_at(20), [257])
    culprits, report = named(tmp_path, limit=100)
    assert (culprits, report.log.records) == (None, None)
    assert "records 210 to 309, if the store has that many" in report.findings[0].message
    assert named(tmp_path, limit=5000)[0] == [257]


def test_iter_size_as_the_log_prints_it(tmp_path):
    header = solver_lines(iter_size=2)
    text = header + broken_at(20).partition("Creating")[2].partition("\n")[2]
    story(tmp_path, text, [450], records=1000)
    report = datascan.scan_log(tmp_path / "train.log", net=tmp_path / "net.prototxt", workers=0)
    assert (report.log.records.first, report.log.culprits) == (420, [450])


def test_a_rate_that_breaks_by_the_solver_alone(tmp_path):
    story(tmp_path, "iteration,loss\n0,2.3\n40,2.2\n60,nan\n", [])
    (tmp_path / "solver.prototxt").write_text(
        'net: "net.prototxt" base_lr: 0.1 lr_policy: "inv" gamma: -0.02 power: 1 max_iter: 100'
    )
    assert named(tmp_path)[1].log.cause == "lr-not-finite"


def test_a_crash_that_another_run_follows_is_history(tmp_path):
    text = log_of([(0, 1.1), (10, 1.0)]) + crash("Check failed: x") + log_of([(0, 1.0), (10, 0.9)])
    log, report = story(tmp_path, text, [])
    assert (log.cause, report.passed) == ("none", True)


def test_healthy_records_leave_the_loss_function(tmp_path):
    log, report = story(tmp_path, broken_at(20), [])
    assert log.culprits == []
    assert "none of which has an error" in report.findings[0].message


def test_a_healthy_log_passes(tmp_path):
    log, report = story(tmp_path, log_of([(0, 2.0), (10, 1.5), (20, 1.2)]), [])
    assert (log.cause, log.records, log.culprits) == ("none", None, None)
    assert report.passed


def test_without_a_net(tmp_path):
    file = tmp_path / "t.log"
    file.write_text(broken_at(20))
    report = datascan.scan_log(file)
    assert (report.log.cause, report.log.records, report.log.culprits) == ("sudden-nan", None, None)
    assert report.sources is None
    assert report.dataset.layout == "caffe-log"


def test_several_runs_are_all_told(tmp_path):
    file = tmp_path / "t.log"
    file.write_text(broken_at(20) + log_of([(0, 2.0), (10, 1.0)]))
    report = datascan.scan_log(file)
    assert report.log.cause == "sudden-nan"  # the last one is healthy
    assert report.log_runs == 2
    assert report.findings[0].message.startswith("run 1 of 2: ")


def test_a_long_log_is_thinned_out(tmp_path):
    file = tmp_path / "t.csv"
    losses = [1.0] * 20_000
    losses[7_777], losses[9_999:] = 50.0, [NAN] * 10_001
    file.write_text("iteration,loss\n" + "".join(f"{i},{x}\n" for i, x in enumerate(losses)))
    curve = datascan.scan_log(file).log_curve
    assert len(curve.iterations) < 600
    assert 50.0 in curve.losses
    assert curve.losses[curve.iterations.index(9_998)] == 1.0
    assert curve.losses[curve.iterations.index(9_999)] is None


def test_from_a_shell(tmp_path):
    story(tmp_path, broken_at(20), [257])
    log = tmp_path / "train.log"
    net = ("--net", tmp_path / "net.prototxt", "--solver", tmp_path / "solver.prototxt")
    result = shell("log", log, *net, "--json", "-")
    assert (result.returncode, result.stderr) == (1, "")
    found = json.loads(result.stdout)["log"]
    assert found["records"] == {"first": 210, "last": 309}
    assert found["culprits"] == [257]
    shown = shell("log", log, *net)
    assert "loss by iteration" in shown.stdout
    page, bad = tmp_path / "r.html", tmp_path / "bad.jsonl"
    assert shell("log", log, *net, "--html", page, "--bad-records", bad, "-qq").returncode == 1
    assert "Loss and learning rate" in page.read_text()
    assert json.loads(bad.read_text())["index"] == 257
    assert shell("log", log, "--fail-on", "never", "-qq").returncode == 0
    assert shell("log", log, "--ignore", "sudden-nan", "-qq").returncode == 0
    config = tmp_path / "settings.toml"
    config.write_text('ignore = "sudden-nan"\n[dataset."store"]\nignore = "nan-value"\n')
    assert shell("log", log, "--config", config, "-qq").returncode == 0
    found = json.loads(shell("log", log, *net, "--json", "-", "--config", config).stdout)
    assert "sudden-nan" not in found["rules"]
    assert "nan-value" not in found["sources"][0]["rules"]
    config.write_text("timeout = nan\n")
    assert f"{config}: timeout must be" in fails_in_one_line("log", log, "--config", config)
    assert "is a Caffe net" in fails_in_one_line("log", tmp_path / "net.prototxt")
    fails_in_one_line("log", tmp_path / "nothing")
    fails_in_one_line("log", log, "--net", tmp_path / "nothing")
    fails_in_one_line("log", log, "--root", tmp_path)


def test_a_root_without_a_net(tmp_path):
    (tmp_path / "t.log").write_text(broken_at(20))
    with pytest.raises(UsageError, match="--net"):
        datascan.scan_log(tmp_path / "t.log", root=tmp_path)


def test_a_stretch_knows_its_records():
    plain, wrapped = ReadRange(1, 2, 10, 19, 100), ReadRange(1, 2, 95, 4, 100)
    indices = np.arange(100)
    assert indices[plain.holds(indices)].tolist() == list(range(10, 20))
    assert indices[wrapped.holds(indices)].tolist() == [0, 1, 2, 3, 4, 95, 96, 97, 98, 99]


def verdict(cause, last, first=None, **more):
    return Diagnosis(cause=cause, last_finite=last, first_nonfinite=first, **more)


def test_which_iterations_are_suspect():
    run = Run([0, 10], [1.0, 1.0])
    assert candidate_ranges(run, verdict("none", 10), 10) is None
    assert candidate_ranges(run, verdict("sudden-nan", 10, 20), 10) == (11, 20)
    assert candidate_ranges(run, verdict("died", 10), 10) == (11, 20)
    assert candidate_ranges(run, verdict("died", 10), None) is None
    assert candidate_ranges(Run(), verdict("died", None), None) == (0, 0)


RUNS = {
    "healthy": ("none", 300, 300, None),
    "blow_up": ("gradient-blow-up", 120, 10, 11),
    "nan_record": ("sudden-nan", 120, 60, 70),
    "bad_label": ("died", 10, 10, None),
    "pool": ("none", 60, 60, None),
}


@pytest.mark.parametrize("name", RUNS)
def test_real_runs(shared_data, name):
    home = shared_data / "caffe_runs" / name
    report = datascan.scan_log(home / "train.log")
    log = report.log
    found = (log.cause, log.iterations, log.last_finite_iteration, log.first_nonfinite_iteration)
    assert found == RUNS[name]
    assert report.passed is (log.cause == "none")
    assert {f.rule for f in report.findings} == {log.cause} - {"none"}


def test_the_real_record(shared_data):
    home = shared_data / "caffe_runs/nan_record"
    report = datascan.scan_log(
        home / "train.log", net=home / "train_val.prototxt", solver=home / "solver.prototxt"
    )
    assert report.log.culprits == [3333]
    assert (report.log.records.first, report.log.records.last) == (3050, 3549)

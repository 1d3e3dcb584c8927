"""Every finding about a log says what to do next, with the command."""

from __future__ import annotations

import json
import math
import shutil

import pytest

import datascan
from datascan.caffe.next_step import ADVICE
from datascan.outputs.terminal.render import render
from tests.builders.caffe_logs import crash, glog_line, line, log_of, output, rate, solver_lines
from tests.builders.event_files import scalars, version
from tests.caffe.test_scan_log import story

NAN = math.nan
LOG = "datascan log {} --net NET.prototxt --solver SOLVER.prototxt"


def finding_of(tmp_path, text, name="train.log"):
    (tmp_path / name).write_text(text)
    (found,) = datascan.scan_log(tmp_path / name).findings
    return found


def values(*losses, first=0):
    return log_of([(first + 10 * i, loss) for i, loss in enumerate(losses)])


TESTED = glog_line("s.cpp:1", "Iteration 0, Testing net (#0)") + glog_line(
    "s.cpp:1", "    Test net output #0: loss = nan (* 1 = nan loss)"
)
CASES = {
    "sudden-nan": (values(2.3, 2.2, 2.3, NAN), "to name the record: datascan log "),
    "nan-from-start": (values(NAN, NAN), "to name the record: datascan log "),
    "break-before-log": (line(5000, NAN), "datascan log EARLIER.log"),
    "gradient-blow-up": (values(2.3, 900, NAN), "datascan net NET.prototxt --solver SOLVER"),
    "loss-saturated": (values(2.3, 2.2, 2.3, 87.3365, 87.3365), "this names it: datascan log "),
    "died": (values(2.3, 2.2) + crash("Check failed: x"), "was reading: datascan log "),
    "lr-not-finite": (line(0, 2.3) + rate(0, NAN), "datascan net NET.prototxt --solver SOLVER"),
    "loss-broken-in-test": (TESTED + line(0, 2.3), "data of both phases: datascan log "),
    "loss-stuck": (values(*[math.log(2)] * 20), "try another base_lr: datascan net "),
    "loss-zero": (values(0, 0, 0), "datascan net NET.prototxt --solver SOLVER"),
}


def test_every_cause_has_advice():
    assert set(CASES) == set(ADVICE)


@pytest.mark.parametrize("cause", CASES)
def test_a_log_of_caffe_without_its_net(tmp_path, cause):
    text, command = CASES[cause]
    found = finding_of(tmp_path, text)
    assert found.rule == cause
    assert command in found.fix


@pytest.mark.parametrize("losses", [(2.3, 2.2, 2.3, NAN), (NAN,), (2.3, 900, NAN), (0, 0, 0)])
def test_a_log_of_another_framework(tmp_path, losses):
    found = finding_of(
        tmp_path, "step,loss\n" + "".join(f"{i},{x}\n" for i, x in enumerate(losses))
    )
    assert "datascan scan DATA" in found.fix
    assert "base_lr" not in found.fix
    assert "display" not in found.fix


def test_the_net_that_the_header_names(tmp_path):
    text = solver_lines(net='"my nets/train.prototxt"') + line(0, 2.3) + line(10, NAN)
    found = finding_of(tmp_path, text, "a log.txt")
    assert (
        f"datascan log '{tmp_path}/a log.txt' --net 'my nets/train.prototxt' --solver" in found.fix
    )


@pytest.mark.parametrize("lines", [1, 2, 3])
def test_few_lines_cannot_show_growth(tmp_path, lines):
    found = finding_of(tmp_path, values(*[2.3] * lines, NAN))
    assert ("display: 1" in found.fix) is (lines < 3)
    assert ("without growing before" in found.message) is (lines == 3)


def test_a_record_that_a_gpu_hides(tmp_path):
    losses = [2.3, 2.2, 2.3, 2.2, 87.3365, 87.3365]
    text = values(*losses)
    log, report = story(tmp_path, text, [333])
    assert (log.cause, log.last_finite_iteration, log.culprits) == ("loss-saturated", 30, [333])
    found = next(f for f in report.findings if f.rule == "loss-saturated")
    assert "iterations 31 to 40 read records 310 to 409: record 333 (00000333)" in found.message
    assert "drop or repair the records named here" in found.fix
    assert "base_lr" not in found.fix


def test_a_smoothed_loss_begins_earlier(tmp_path):
    text = solver_lines(average_loss=15)
    text += "".join(
        line(10 * i, x) for i, x in enumerate([2.3, 2.2, 2.3, 2.2, 60, 87.3365, 87.3365])
    )
    log, _ = story(tmp_path, text, [170], records=5000)
    assert (log.cause, log.records.first, log.culprits) == ("loss-saturated", 170, [170])


def test_a_loss_that_grew_to_saturation(tmp_path):
    _, report = story(tmp_path, values(2.3, 2.2, 5, 20, 60, 87.3365, 87.3365), [])
    found = next(f for f in report.findings if f.rule == "loss-saturated")
    assert "divide base_lr by ten" in found.fix
    assert "GPU" not in found.message


def test_an_accuracy_of_one(tmp_path):
    text = ""
    for i, loss in enumerate((2.3, 2.2, 2.3, 87.3365, 87.3365)):
        text += line(10 * i, loss) + output(0, "acc", 1 if loss > 9 else 0.1)
    assert "an accuracy of exactly 1: every score is NaN" in finding_of(tmp_path, text).message


def test_what_the_header_lacks(tmp_path):
    text = solver_lines(lr_policy='"poly"', power=0.9).replace("max_iter: 100\n", "")
    found = finding_of(tmp_path, text + line(0, 7.3) + rate(0, NAN) + line(20, NAN))
    assert found.message.endswith("the header has lr_policy poly without max_iter")
    assert found.fix.startswith("set max_iter in the solver; ")


@pytest.mark.parametrize(
    ("why", "advice"),
    [
        ("Check failed: error == cudaSuccess (2 vs. 0)  out of memory", "lower batch_size"),
        ("Check failed: mdb_status == 0 (-30796 vs. 0) MDB_CORRUPTED", "reading the store failed"),
    ],
)
def test_crashes(tmp_path, why, advice):
    assert advice in finding_of(tmp_path, line(0, 2.0) + line(10, 2.0) + crash(why)).fix


def test_a_run_that_did_not_begin(tmp_path):
    found = finding_of(tmp_path, solver_lines() + crash("Check failed: fd != -1 File not found: a"))
    assert found.fix.startswith("the run has not begun: correct what this line names")


def test_a_truncated_lmdb(tmp_path):
    text = line(0, 2.0) + "*** Aborted at 1 (unix time) ***\n*** SIGBUS (@0x7f) received by PID 1\n"
    found = finding_of(tmp_path, text + "    @     0x7f caffe::db::LMDBCursor::value()\n")
    assert found.message == (
        "the run crashed after iteration 0: SIGBUS in caffe::db::LMDBCursor::value()"
    )
    assert found.fix == "the LMDB is shorter than it says, so copy it again: datascan lmdb STORE"


def test_a_run_that_its_owner_ended(tmp_path):
    (tmp_path / "train.log").write_text(
        values(2.3, 2.2) + "*** Aborted at 1 ***\n*** SIGTERM (@0x7f) received by PID 1 from 2\n"
    )
    report = datascan.scan_log(tmp_path / "train.log")
    assert report.passed
    assert report.log.notes == [
        "the run was ended by SIGTERM (its owner or a scheduler) after iteration 10: not a crash"
    ]
    assert "not a crash" in render([report], width=200)


def test_several_folders_are_named(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        data = version() + scalars("loss", {0: 2.0, 1: NAN})
        (tmp_path / name / "events.out.tfevents.1").write_bytes(data)
    messages = [found.message for found in datascan.scan_log(tmp_path).findings]
    assert [text.partition(": ")[0] for text in messages] == ["run 1 of 2 (a)", "run 2 of 2 (b)"]


def test_notes_are_in_the_report(tmp_path):
    file = tmp_path / "t.json"
    file.write_text(
        json.dumps({"log_history": [{"step": 1, "loss": 1}, {"step": 2, "loss": None}]})
    )
    assert datascan.scan_log(file).log.notes == ["the last 1 loss of null: taken as NaN"]


def test_a_store_that_is_not_found(tmp_path):
    story(tmp_path, values(2.3, 2.2, 2.3, NAN), [])
    shutil.rmtree(tmp_path / "store")
    log, net, solver = (
        tmp_path / name for name in ("train.log", "net.prototxt", "solver.prototxt")
    )
    found = datascan.scan_log(log, net=net, solver=solver).findings
    fix = next(f.fix for f in found if f.rule == "sudden-nan")
    expected = f"to name the record: datascan log {log} --net {net} --solver {solver} --root FOLDER"
    assert fix == expected

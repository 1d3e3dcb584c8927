"""Logs as Caffe writes them, and tables: what is read of them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datascan.errors import DatasetError
from datascan.logs.reading import read_log
from datascan.logs.runs import parse_number
from tests.builders.caffe_logs import (
    crash,
    line,
    log_of,
    output,
    rate,
    solver_lines,
    test_lines,
)


def runs_of(tmp_path, text):
    file = tmp_path / "train.log"
    file.write_text(text)
    return read_log(file).runs


def test_a_run_is_read(tmp_path):
    (run,) = runs_of(tmp_path, log_of([(0, 2.3), (10, 2.1), (20, float("nan"))], base_lr=0.5))
    assert run.iterations == [0, 10, 20]
    assert run.losses[:2] == [2.3, 2.1]
    assert math.isnan(run.losses[2])
    assert run.rates == [0.5, 0.5, 0.5]
    assert run.parameters["base_lr"] == "0.5"
    assert run.number("display") == 10
    assert (run.last, run.crash, run.resumed) == (20, None, False)
    assert run.outputs["loss"].weight == 1


def test_older_lines_without_speed_and_prefix(tmp_path):
    text = "Iteration 0, loss = 1.5\nIteration 0, lr = 0.1\nIteration 100, loss = -nan\n"
    (run,) = runs_of(tmp_path, text)
    assert run.iterations == [0, 100]
    assert run.rates == [0.1]


def test_test_outputs_and_other_lines_are_passed_over(tmp_path):
    text = (
        solver_lines() + line(0, 2.0) + test_lines(0) + "[debug] Forward loss = 3\n" + line(10, 1.0)
    )
    (run,) = runs_of(tmp_path, text)
    assert run.iterations == [0, 10]
    assert "accuracy" not in run.outputs


def test_several_runs_in_one_file(tmp_path):
    text = log_of([(0, 1.0), (10, 0.5)]) + log_of([(0, 1.1), (10, 0.4), (20, 0.3)])
    runs = runs_of(tmp_path, text)
    assert [run.iterations for run in runs] == [[0, 10], [0, 10, 20]]


def test_an_iteration_that_goes_back_begins_a_run(tmp_path):
    text = line(0, 1.0) + line(50, 0.9) + line(20, 0.95) + line(30, 0.94)
    assert [run.iterations for run in runs_of(tmp_path, text)] == [[0, 50], [20, 30]]


def test_a_resumed_run_begins_where_its_snapshot_ended(tmp_path):
    text = (
        solver_lines() + "I1123 06:23:46.341041 29 sgd_solver.cpp:318] Restoring previous solver "
    )
    text += "status from snap_5000.solverstate\n" + line(5000, 0.2) + line(5010, 0.3)
    (run,) = runs_of(tmp_path, text)
    assert (run.resumed, run.began) == (True, 5000)


def test_a_crash_is_noted(tmp_path):
    (run,) = runs_of(
        tmp_path, log_of([(0, 2.3), (10, 2.2)]) + crash("Check failed: a < b (5 vs. 3)")
    )
    assert run.crash == "Check failed: a < b (5 vs. 3)"
    (run,) = runs_of(tmp_path, line(0, 2.3) + "*** Aborted at 17 (unix time) ***\n")
    assert run.crash.startswith("*** Aborted")


def test_losses_with_weights(tmp_path):
    text = line(0, 3.0) + output(0, "loss1", 2.0, 0.3) + output(1, "loss3", 2.4, 1)
    text += output(2, "accuracy", 0.1)
    (run,) = runs_of(tmp_path, text)
    assert {name: o.weight for name, o in run.outputs.items()} == {
        "loss1": 0.3,
        "loss3": 1,
        "accuracy": 0,
    }


def test_devices_are_counted(tmp_path):
    text = "I1123 06:23:46.341041 29 caffe.cpp:218] Using GPUs 0, 1, 3\n" + line(0, 1.0)
    assert runs_of(tmp_path, text)[0].devices == 3


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("1.5", 1.5),
        ("-nan", math.nan),
        ("nan", math.nan),
        ("inf", math.inf),
        ("-inf", -math.inf),
        ("1.#QNAN", math.nan),
        ("-1.#IND", math.nan),
        ("1.#INF", math.inf),
        ("-1.#INF", -math.inf),
        ("3e+38", 3e38),
        ("-nan(ind)", math.nan),
        ("nan(0x7f)", math.nan),
        ("1.5)", 1.5),
    ],
)
def test_numbers_as_c_prints_them(text, meaning):
    assert parse_number(text) == meaning or (math.isnan(parse_number(text)) and math.isnan(meaning))


@pytest.mark.parametrize("text", ["what", "-", "1.2e", "na", "", "1e-"])
def test_what_was_cut_is_no_number(tmp_path, text):
    assert parse_number(text) is None
    log = line(0, 2.0) + line(10, 1.0) + rate(10, 0.1) + f"Iteration 20, loss = {text}"
    (run,) = runs_of(tmp_path, log + "\nIteration 20, lr = 1e-")
    assert (run.iterations, run.rates) == ([0, 10], [0.1])


@pytest.mark.parametrize(
    "text",
    [
        "iteration,loss\n0,2.5\n10,nan\n",
        "0,2.5\n10,nan\n",
        "# a comment\n\nIter;Train Loss\n0;2.5\n10;NaN\n",
        "NumIters,Seconds,LearningRate,loss\n0.0,1.5,0.1,2.5\n10.0,3.1,0.1,nan\n",
        "\ufeffstep\tloss\r\n0\t2.5\r\n10\t1.#QNAN\r\n",
        "global_step,total_loss\n0,2.5\n10,nan\n",
        "iteration;loss\n0;2,5\n10;nan\n",
        "#Iters Seconds TrainingLoss LearningRate\n0 0.3 2.5 0.1\n10  0.9 nan 0.1\n",
        "0 2.5\n10 nan\n",
        "iteration,loss\n0,2.5\n10,\n",
    ],
)
def test_tables(tmp_path, text):
    file = tmp_path / "log.csv"
    file.write_text(text, encoding="utf-8", newline="")
    log = read_log(file)
    assert log.layout == "csv"
    assert log.runs[0].iterations == [0, 10]
    assert log.runs[0].losses[0] == 2.5
    assert math.isnan(log.runs[0].losses[1])
    assert log.runs[0].rates in ([], [0.1, 0.1])


@pytest.mark.parametrize(
    "text", ["", "\n", "hello\n", "a,b\n1,2\n", "1\n2\n", "iteration,loss\n", "\x00" * 50]
)
def test_files_that_are_not_logs(tmp_path, text):
    with pytest.raises(DatasetError, match="not a training log"):
        runs_of(tmp_path, text)


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(tmp_path_factory, content):
    file = tmp_path_factory.mktemp("l") / "log"
    file.write_bytes(b"Iteration 3, loss = 2\n" + content if len(content) % 2 else content)
    try:
        assert read_log(file).runs
    except DatasetError:
        assert len(content) % 2 == 0


def test_a_last_line_that_was_cut(tmp_path):
    text = line(0, 2.0) + line(10, 1.0)[:-12]
    (run,) = runs_of(tmp_path, text)
    assert run.iterations[0] == 0


def test_gaps_in_a_table_are_no_nan(tmp_path):
    (run,) = runs_of(tmp_path, "step,test,loss\n0,1,2.5\n5,1,\n10,1,2.4\n15,1,\n")
    assert run.losses == [2.5, 2.4]


def test_a_log_in_utf16(tmp_path):
    (tmp_path / "l").write_text(line(0, 2.0) + line(10, float("nan")), encoding="utf-16")
    assert read_log(tmp_path / "l").runs[0].iterations == [0, 10]


def test_a_run_that_died_before_its_first_line(tmp_path):
    text = solver_lines() + crash("Check failed: error == cudaSuccess (2 vs. 0)  out of memory")
    (run,) = runs_of(tmp_path, text)
    assert (run.iterations, run.began) == ([], 0)
    assert "out of memory" in run.crash


@pytest.mark.parametrize(
    ("words", "death"),
    [
        ("Bus error (core dumped)", "Bus error (core dumped)"),
        ("./train.sh: line 3: 4711 Killed   caffe train", "line 3: 4711 Killed caffe train"),
        ("Traceback (most recent call last):\n  File x\nMemoryError", "MemoryError"),
        ("Traceback (most recent call last):\n  File x\nKeyboardInterrupt", None),
        ("Traceback (most recent call last):\n  File x", "Traceback"),
    ],
)
def test_last_words_of_shells_and_of_python(tmp_path, words, death):
    (run,) = runs_of(tmp_path, line(0, 2.0) + words + "\n")
    assert (death in run.crash) if death else run.crash is None
    (run,) = runs_of(tmp_path, line(0, 2.0) + words + "\n" + line(10, 2.0))
    assert run.crash is None


@pytest.mark.parametrize(
    ("words", "began"),
    [
        ("caffe.cpp:241] Resuming from s_iter_5003.solverstate", 5003),
        ("sgd_solver.cpp:3] Restoring previous solver status from a/b_iter_5003.solverstate", 5003),
        ("sgd_solver.cpp:3] Restoring previous solver status from what", 5010),
        ("net.cpp:3] nothing of the kind", 5010),
    ],
)
def test_where_a_resumed_run_began(tmp_path, words, began):
    text = solver_lines() + f"I1123 06:23:46.341041 29 {words}\n" + line(5010, 0.2)
    assert runs_of(tmp_path, text)[0].began == began
    assert runs_of(tmp_path, line(5010, 0.2))[0].began == 0


def test_devices_belong_to_the_run_that_follows(tmp_path):
    devices = "I1123 06:23:46.341041 29 caffe.cpp:218] Using GPUs 0, 1\n"
    runs = runs_of(tmp_path, log_of([(0, 1.0)]) + devices + log_of([(0, 1.0)]))
    assert [run.devices for run in runs] == [1, 2]


def test_no_such_file(tmp_path):
    with pytest.raises(DatasetError, match="cannot read"):
        read_log(tmp_path / "nothing")


def test_a_rate_line(tmp_path):
    (run,) = runs_of(tmp_path, line(0, 1.0) + rate(0, float("inf")))
    assert run.rates == [math.inf]

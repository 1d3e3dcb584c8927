"""What Caffe and its forks print, with any prefix."""

from __future__ import annotations

import math

import pytest

from datascan.logs.formats.caffe import MAX_PREFIXES, Prefix
from datascan.logs.reading import read_log
from datascan.logs.runs import MAX_OUTPUTS, MAX_RUNS
from tests.builders.caffe_logs import crash, glog_line, line, log_of, output, rate, solver_lines

NAN = math.nan
RUN = log_of([(0, 2.3), (10, 2.2), (20, NAN)], iter_size=3) + crash("Check failed: a < b (5 vs. 3)")


def runs_of(tmp_path, text):
    file = tmp_path / "train.log"
    file.write_text(text)
    return read_log(file).runs


def prefixed(text, prefix):
    """Every line of a text, with a prefix that has the number of the line."""
    return "".join(f"{prefix.format(i)}{one}\n" for i, one in enumerate(text.splitlines()))


@pytest.mark.parametrize(
    "prefix",
    [
        "    ",
        "\t",
        "> ",
        ">> ",
        "2026-11-25T20:00:{0:02}.123456789Z ",
        "2026-11-25 20:00:00,{0:03} ",
        "Nov 25 20:00:{0:02} ",
        "Nov 25 20:00:{0:02} node7 caffe[4711]: ",
        "00:00:{0:02} ",
        "[1,0]<stdout>:",
        "[1,0]<stderr>:    ",
        "0: ",
        "caffe_1  | ",
        "[pod/train-7f9c/caffe] ",
        "train-7f9c caffe ",
    ],
)
def test_any_prefix(tmp_path, prefix):
    (run,) = runs_of(tmp_path, prefixed(RUN, prefix))
    assert run.iterations == [0, 10, 20]
    assert run.losses[:2] == [2.3, 2.2]
    assert math.isnan(run.losses[2])
    assert run.rates == [0.1] * 3
    assert (run.number("iter_size"), run.number("display")) == (3, 10)
    assert "level" not in run.parameters  # within train_state
    assert (run.started, run.is_glog) == (True, True)
    assert run.crash == "Check failed: a < b (5 vs. 3)"


def test_a_prefix_only_before_the_lines_of_glog(tmp_path):
    text = "".join(
        f"[7] {one}" if one[:1] in "IF" else one for one in RUN.splitlines(keepends=True)
    )
    (run,) = runs_of(tmp_path, text)
    assert (run.iterations, run.number("iter_size")) == ([0, 10, 20], 3)


def test_prefixes_that_never_repeat_are_not_all_kept():
    prefix = Prefix()
    for i in range(1000):
        prefix.learn("x" * i + " ")
    assert len(prefix.known) == MAX_PREFIXES
    assert prefix.strip("abc") == "abc"


def test_several_ranks_print_the_same_run(tmp_path):
    text = "".join(
        f"[1,{rank}]<stdout>:{line(i, 1.0 + rank)}" for i in (0, 10, 20) for rank in (0, 1)
    )
    text += f"[1,0]<stdout>:{line(30, 1.0)}[1,1]<stdout>:{line(20, 7.0)}"
    (run,) = runs_of(tmp_path, text)
    assert run.losses == [1.0] * 4
    (run,) = runs_of(tmp_path, text + "[1,1]<stdout>:" + crash("Check failed: x"))
    assert run.crash == "Check failed: x"


@pytest.mark.parametrize(
    "middle",
    [
        "",
        " (2.31 iter/s, 8.65s/20 iters)",
        " (-0.382098 iter/s, 183.199s/1 iters)",
        " (2 iter/s, 1s/10 iters), 0.6/28.4ep",
        " (3.8928 s), 0/28.4ep",
        " (1.5 iter/s, 9s/20 iter), 12/90ep, 5.2h left",
    ],
)
def test_what_forks_print_between_iteration_and_loss(tmp_path, middle):
    text = "".join(
        glog_line("solver.cpp:342", f"    [0.0] Iteration {i}{middle}, loss = {loss}")
        for i, loss in ((0, 5.08), (50, 3.2), (100, "-nan"))
    )
    text += glog_line("sgd_solver.cpp:181", "[0.0] Iteration 100, lr = 0.0001, m = 0.9, gs = 1")
    (run,) = runs_of(tmp_path, text)
    assert (run.iterations, run.losses[:2], run.rates) == ([0, 50, 100], [5.08, 3.2], [0.0001])
    assert math.isnan(run.losses[2])


def test_a_rate_is_not_a_loss(tmp_path):
    text = line(0, 1.0) + glog_line("s.cpp:1", "Iteration 20, lr = 0.1, loss = 7")
    (run,) = runs_of(tmp_path, text)
    assert (run.losses, run.rates) == ([1.0], [0.1])


def test_a_log_of_another_logger_ends_the_header(tmp_path):
    # As a port for Windows prints it.
    text = (
        "150 INFO: src/caffe/solver.cpp : line 48 : Initializing solver from parameters:\n"
        "base_lr: 0.5\ndisplay: 1\n"
        "150 INFO: src/caffe/solver.cpp : line 218 : Iteration 0 (-0.3 iter/s), loss = nan\n"
        "150 INFO: src/caffe/sgd_solver.cpp : line 105 : Iteration 0, lr = 0\n"
    )
    (run,) = runs_of(tmp_path, text)
    assert (run.iterations, run.rates, run.number("display")) == ([0], [0.0], 1)


def test_test_phases(tmp_path):
    text = glog_line("s.cpp:1", "Iteration 0, Testing net (#0)") + glog_line(
        "s.cpp:2", "    Test net output #0: loss = nan (* 1 = nan loss)"
    )
    text += line(0, 2.0) + glog_line("s.cpp:1", "Iteration 10, Testing net (#1)")
    text += glog_line("s.cpp:2", "    Test net output #1: accuracy = 0.5") + line(10, 1.0)
    text += glog_line("s.cpp:1", "Iteration 20, Testing net") + glog_line(
        "s.cpp:2", "Test score #1: 1.5"
    )
    (run,) = runs_of(tmp_path, text)
    found = {name: (one.weight, one.iterations) for name, one in run.tests.items()}
    assert found == {"loss": (1, [0]), "net #1 accuracy": (0, [10]), "score #1": (0, [20])}
    assert run.last == 20


def test_the_classes_of_the_net_that_is_printed(tmp_path):
    text = solver_lines() + "layer {\n  inner_product_param {\n    num_output: 64\n  }\n}\n"
    text += "layer {\n  inner_product_param {\n    num_output: 1000\n  }\n}\n" + line(0, 6.9)
    (run,) = runs_of(tmp_path, text + "    num_output: 3\n" + line(10, 6.9))
    assert run.classes == 1000


def test_outputs_and_rates_of_other_devices_do_not_count(tmp_path):
    text = line(0, 1.0).replace("] Iter", "] [0.0] Iter") + output(0, "loss", 1.0, 1)
    text += rate(0, 0.5).replace("] Iter", "] [0.1] Iter")
    (run,) = runs_of(tmp_path, text)
    assert (run.losses, run.rates, run.outputs["loss"].values) == ([1.0], [], [1.0])


@pytest.mark.parametrize("level", ["F"])
def test_every_fatal_line_is_a_crash(tmp_path, level):
    text = line(0, 1.0) + glog_line("io.cpp:3", "Unknown backend", level)
    assert runs_of(tmp_path, text)[0].crash == "Unknown backend"


def test_runs_and_outputs_are_bounded(tmp_path):
    text = "".join(line(i, 2.0) for i in range(3000, 0, -1))
    runs = runs_of(tmp_path, text)
    assert len(runs) == MAX_RUNS
    assert sum(len(run.losses) for run in runs) == 3000
    text = line(0, 2.0) + "".join(output(0, f"loss{i}", 2.0, 1) for i in range(3000))
    assert len(runs_of(tmp_path, text)[0].outputs) == MAX_OUTPUTS

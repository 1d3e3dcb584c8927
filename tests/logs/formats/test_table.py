"""Tables as tools write them."""

from __future__ import annotations

import math

import pytest

from datascan.logs.formats.table import read_table
from datascan.logs.runs import MAX_RUNS

NAN = math.nan


def read(text):
    (runs, notes) = read_table(text.splitlines())
    return runs, notes


def values(numbers):
    return [str(number) for number in numbers]


def test_the_table_of_parse_log_py():
    # Without a line of the rate, it writes NaN; a loss of NaN it does not find, and leaves it out.
    text = (
        "NumIters,Seconds,LearningRate,loss\n0.0,0.1,nan,2.3\n20.0,0.5,nan,2.2\n40.0,0.9,0.01,2.1\n"
        "60.0,1.3,0.01,\n80.0,1.7,0.01,\n"
    )
    ((run,), notes) = read(text)
    assert (run.rate_iterations, run.rates) == ([40, 60, 80], [0.01] * 3)
    assert values(run.losses) == ["2.3", "2.2", "2.1", "nan", "nan"]
    assert notes == ("the last 2 lines without a loss: taken as NaN",)


def test_a_rate_of_nan_that_broke_the_loss():
    ((run,), _) = read("iter,loss,lr\n0,7.3,nan\n20,nan,nan\n")
    assert values(run.rates) == ["nan", "nan"]
    ((run,), _) = read("iter,loss,lr\n0,7.3,nan\n20,7.2,nan\n40,nan,nan\n")
    assert run.rate_iterations == [20, 40]


def test_a_table_whose_rates_are_all_missing():
    ((run,), _) = read("iter,loss,lr\n0,7.3,nan\n20,7.2,nan\n40,7.1,nan\n")
    assert (run.rate_iterations, run.rates) == ([], [])
    ((run,), _) = read("iter,loss,lr\n0,7.3,0.1\n20,7.2,0.1\n40,7.1,nan\n")
    assert values(run.rates) == ["0.1", "0.1", "nan"]


@pytest.mark.parametrize("separator", [" ", "    ", "\t", ","])
def test_the_tables_of_parse_log_sh_without_their_heading(separator):
    train = [(0, 0.35, 2.3, 0.01), (20, 8.2, 2.2, 0.01), (40, 16.1, NAN, 0.001)]
    text = "\n".join(separator.join(map(str, row)) for row in train)
    ((run,), notes) = read(text)
    assert values(run.losses) == ["2.3", "2.2", "nan"]
    assert run.rates == [0.01, 0.01, 0.001]
    assert notes == (
        "the table has no heading: column 2 grows like a clock, so column 3 is the loss",
    )
    test = [(0, 0.35, 0.1, 2.3), (20, 8.2, 0.4, 2.2), (40, 16.1, 0.35, 2.4)]
    ((run,), notes) = read("\n".join(separator.join(map(str, row)) for row in test))
    assert run.losses == [2.3, 2.2, 2.4]
    assert "column 4 is the loss" in notes[0]


def test_three_columns_without_a_heading():
    ((run,), _) = read("0 0.35 2.3\n20 8.2 2.2\n40 16.1 nan\n")
    assert values(run.losses) == ["2.3", "2.2", "nan"]
    ((run,), notes) = read("0 2.3 0.1\n20 2.2 0.1\n40 2.4 0.2\n")
    assert (run.losses, notes) == ([2.3, 2.2, 2.4], ())


def test_two_lines_of_four_columns():
    ((run,), _) = read("0 0.35 2.3 0.01\n20 8.2 nan 0.01\n")
    assert (values(run.losses), run.rates) == (["2.3", "nan"], [0.01, 0.01])


def test_runs_are_bounded():
    (runs, _) = read("step,loss\n" + "".join(f"{i},1\n" for i in range(3000, 0, -1)))
    assert len(runs) == MAX_RUNS
    assert sum(len(run.losses) for run in runs) == 3000


def test_lightning():
    text = (
        "epoch,lr-Adam,step,train_loss_epoch,train_loss_step,val_loss\n"
        ",0.001,9,,,\n0,,9,,2.5,\n0,,19,,2.25,\n0,,19,,,2.0\n0,,19,2.4,,\n1,,29,,nan,\n1,,39,,,nan\n"
        "1,,39,nan,,\n1,,39,,,\n1,,39,,,\n"
    )
    ((run,), notes) = read(text)
    assert (run.name, run.unit, run.iterations) == ("train_loss_step", "step", [9, 19, 29])
    assert values(run.losses) == ["2.5", "2.25", "nan"]
    assert set(run.outputs) == {"train_loss_step", "train_loss_epoch"}
    assert (list(run.tests), run.rates) == (["val_loss"], [0.001])
    assert notes == ("the last 2 lines without a loss: taken as missing values, not as NaN",)


def test_keras():
    ((run,), _) = read(
        "epoch,accuracy,loss,val_accuracy,val_loss\n0,0.1,2.3,0.1,2.4\n1,0.2,nan,NA,NA\n"
    )
    assert (run.unit, run.name, values(run.losses)) == ("epoch", "loss", ["2.3", "nan"])
    assert run.tests["val_loss"].values == [2.4]


@pytest.mark.parametrize(
    "text",
    [
        "Wall time,Step,Value\n1.7e9,0,2.5\n1.7e9,10,nan\n",
        (
            '"Step","run - train/loss","run - train/loss__MIN","run - train/loss__MAX"\n'
            '"0","2.5","2.5","2.5"\n"10","NaN","NaN","NaN"\n'
        ),
        "epoch, train/cls_loss, val/cls_loss, lr/pg0\n0, 2.5, 2, 0.1\n10, nan, 2, 0.1\n",
        "step, loss\n0, 2.5\n10, NaN\n",
        "step loss\n0 tensor(2.5)\n10 tensor(nan)\n",
        "step|x;loss\n0;2,5\n10;nan\n",
    ],
)
def test_other_tables(text):
    ((run,), _) = read(text)
    assert (run.iterations, values(run.losses)) == ([0, 10], ["2.5", "nan"])


def test_a_table_that_begins_again():
    (runs, _) = read("epoch,loss\n0,2.5\n1,2.4\n0,2.6\n1,2.3\n")
    assert [run.losses for run in runs] == [[2.5, 2.4], [2.6, 2.3]]


def test_of_several_losses_the_one_that_breaks():
    ((run,), _) = read("step,loss,kl_loss,val_loss\n0,1,1,1\n1,1,nan,nan\n2,1,nan,nan\n")
    assert run.name == "kl_loss"
    ((run,), _) = read("step,loss,kl_loss,val_loss\n0,1,1,1\n1,1,1,nan\n")
    assert run.name == "loss"


@pytest.mark.parametrize(
    "text",
    ["", "a,b\n1,2\n", "step,accuracy\n0,1\n", "loss\n1\n", "step,loss_scale\n0,1\n", "x 1\n"],
)
def test_other_text(text):
    assert read_table(text.splitlines()) is None

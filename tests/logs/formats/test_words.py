"""Losses in lines of text."""

from __future__ import annotations

import math

import pytest

from datascan.logs.formats.words import read_words

LINES = [
    "step {0}: train loss {1}, val loss 2.0",
    "iter {0}: loss {1}, time 12.5ms, mfu 3%",
    "2026-11-01 12:00:00,123 - INFO - Step [{0}]  train Loss : {1}, training accuracy :  0.3",
    "step={0} loss={1} lr=1e-3",
    "global_step {0} loss={1}",
    "Train Epoch: 1 [{0}/60000 (1%)]\tLoss: {1}",
    "Epoch [1][{0}/7330]\tlr: 1e-3, loss: {1}",
    "  {0}/938 [====>.....] - ETA: 3s - loss: {1} - accuracy: 0.1",
    "{0}/938 ━━━━━━ 0:02 3ms/step - accuracy: 0.1 - loss: {1}",
    "batch {0} loss {1}",
    "Epoch {0}: loss is {1}",
    "iteration {0} - total_loss: tensor({1}, device='cuda:0')",
]


def read(*lines):
    return read_words(line for text in lines for line in text.splitlines())


@pytest.mark.parametrize("line", [line for line in LINES if " is " not in line])
def test_what_scripts_print(line):
    (run,) = read(*(line.format(i, x) for i, x in ((0, 2.5), (10, 2.25), (20, "nan"))))
    assert (run.iterations, run.losses[:2]) == ([0, 10, 20], [2.5, 2.25])
    assert math.isnan(run.losses[2])


def test_the_dictionaries_of_transformers():
    text = "{'loss': %s, 'grad_norm': %s, 'learning_rate': 5e-05, 'epoch': 0.1}"
    (run,) = read(text % (2.5, 1.0), text % (0.0, "nan"))
    assert (run.iterations, run.losses, run.rates) == ([0, 1], [2.5, 0.0], [5e-05] * 2)
    assert math.isnan(run.gradient.values[1])


def test_steps_that_begin_again_with_each_epoch():
    text = [f"epoch {e} step {s} loss 1.5" for e in (0, 1, 2) for s in (0, 50, 100)]
    (run,) = read(*text)
    assert run.iterations == [0, 50, 100, 100, 150, 200, 200, 250, 300]
    (run,) = read("Epoch 1/2", "5/10 - loss: 2", "10/10 - loss: 1", "Epoch 2/2", "5/10 - loss: 1")
    assert run.iterations == [5, 10, 15]


def test_a_text_that_begins_again():
    runs = read(*(f"step {s} loss 1.5" for s in (0, 50, 100, 0, 50)))
    assert [run.iterations for run in runs] == [[0, 50, 100], [0, 50]]


def test_epochs_and_lines_as_steps():
    (run,) = read("Epoch 1: loss 2.5", "Epoch 2: loss 2.25")
    assert (run.iterations, run.unit) == ([1, 2], "epoch")
    (run,) = read("loss 2.5", "loss 2.25")
    assert (run.iterations, run.unit) == ([0, 1], "line")


@pytest.mark.parametrize(
    "text", ["", "loss: 3", "no loss of data\nno loss\n", "loss_scale: 65536\nloss_scale: 1\n"]
)
def test_other_text(text):
    assert read(text) is None


def test_an_epoch_of_several_is_not_a_step():
    lines = [f"Epoch [{e}/2], Step [{s}/30], Loss: 2.{s}" for e in (1, 2) for s in (10, 20, 30)]
    (run,) = read_words(lines)
    assert (run.iterations, run.unit) == ([10, 20, 30, 40, 50, 60], "step")
    (run,) = read_words(["Epoch [1/2][10/30] loss 2.3", "Epoch [1/2][20/30] loss 2.2"])
    assert run.iterations == [10, 20]
    (run,) = read_words(["Epoch [1/2] loss 2.3", "Epoch [2/2] loss 2.2"])
    assert (run.iterations, run.unit) == ([1, 2], "epoch")

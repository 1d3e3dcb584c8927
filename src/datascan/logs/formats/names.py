"""What the names of scalars, columns and fields mean, in the words of common frameworks."""

from __future__ import annotations

import re

WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
TEST_WORDS = {"val", "valid", "validation", "test", "testing", "eval", "evaluation", "dev"}
PLAIN_WORDS = {"train", "training", "loss", "total", "step", "batch", "running", "mean", "avg"}
NOT_LOSS = {"scale", "scaler", "weight", "min", "max", "std"}
"""loss_scale belongs to mixed precision; __MIN and __MAX are columns of Weights & Biases."""

STEP_WORDS = {"step", "steps", "iter", "iters", "iteration", "iterations", "globalstep"}
STEP_NAMES = {"numiters", "niter", "itr", "it", "nstep", "nsteps"}


def words_of(name: str) -> list[str]:
    """The words of a name in lower case: "TrainLoss", "train/loss" and "train_loss" are alike."""
    return [word.lower() for word in WORD.findall(name[:300])]


def is_loss(name: str) -> bool:
    """Whether a name is that of a loss."""
    return "loss" in name.lower() and NOT_LOSS.isdisjoint(words_of(name))


def is_test(name: str) -> bool:
    """Whether a name is about validation or test."""
    return not TEST_WORDS.isdisjoint(words_of(name))


def is_rate(name: str) -> bool:
    """Whether a name is that of the learning rate: lr, lr-Adam, train/learning_rate."""
    words = words_of(name)
    flat = "".join(words)
    return "lr" in words or flat == "rate" or "learningrate" in flat


def is_gradient(name: str) -> bool:
    """Whether a name is that of the norm of all gradients."""
    words = "".join(words_of(name))
    return words.removeprefix("train") in ("gradnorm", "gradientnorm", "grad20normtotal")


def is_step(name: str) -> bool:
    """Whether a name is that of a counter of steps."""
    words = words_of(name)
    return "".join(words) in STEP_NAMES or not STEP_WORDS.isdisjoint(words)


def is_epoch(name: str) -> bool:
    """Whether a name is that of a counter of epochs."""
    return words_of(name) in (["epoch"], ["epochs"])


def plainness(name: str) -> int:
    """How far a name is from that of the loss as such: 0 for "loss" or "train_loss"."""
    return sum(word not in PLAIN_WORDS for word in words_of(name))

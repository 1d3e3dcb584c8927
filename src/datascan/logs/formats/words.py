"""Lines of text that name a loss: "step 100: train loss 2.31", "epoch=3 loss=nan lr=1e-3".

What scripts print: loops of PyTorch, the progress of Keras, dictionaries of Transformers, ...
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from msgspec import Struct, field

from datascan.logs.formats import names
from datascan.logs.formats.series import Series
from datascan.logs.runs import Run, parse_number

NUMBER = (
    r"""["']?\s{0,3}[:=]?\s{0,3}["']?((?:tensor\()?[-+]?(?:\d[\d.e+-]{0,30}|nan|inf(?:inity)?)\b)"""
)
PHASE = r"(?:(?:train|training|val|valid|validation|test|eval|dev|total|avg|mean)[ _-])?"
LOSS = re.compile(rf"(?<![\w/])({PHASE}[\w/]{{0,40}}loss[\w/]{{0,40}}){NUMBER}", re.IGNORECASE)
OTHER = re.compile(
    rf"(?<![\w/])(lr|learning[ _]?rate|grad(?:ient)?[ _]?norm){NUMBER}", re.IGNORECASE
)
STEP = re.compile(
    r"(?<![\w/])(?:global[ _])?(?:step|iter|iteration|batch)s?\b[^\w\n]{0,4}(\d{1,12})"
    r"|(?<!epoch)(?<!epoch )(?<!epoch:)(?<!epoch: )\[ {0,8}(\d{1,12})/ {0,8}\d{1,12}[\] ]"
    r"|^ {0,8}(\d{1,12})/\d{1,12} ",
    re.IGNORECASE,
)
EPOCH = re.compile(r"(?<![\w/])epochs?\b[^\w\n]{0,4}(\d{1,9})(?![\d.])", re.IGNORECASE)
WIDTH = 400
"""Only the beginning of a line is read."""

MIN_LINES = 2


class Counter(Struct):
    """Counts the steps of lines. Steps of an epoch are counted on in the next."""

    epoch: int = -1
    step: int = -1
    offset: int = 0
    count: int = 0
    has_steps: bool = False

    def step_of(self, line: str) -> int:
        """The step of a line with a loss: that of the line, its epoch, or else its number."""
        epoch, step = EPOCH.search(line), STEP.search(line)
        self.count += 1
        if step is None:
            if epoch is None or self.has_steps:
                return max(self.step, 0) + self.offset if self.has_steps else self.count - 1
            self.epoch = int(epoch[1])
            return self.epoch
        self.has_steps = True
        value = int(next(filter(None, step.groups())))
        if epoch is not None:
            self.see_epoch(int(epoch[1]), value)
        self.step = value
        return value + self.offset

    def see_epoch(self, epoch: int, step: int = 0) -> None:
        """Note the epoch of a line; ``step`` is that of the line."""
        if epoch > self.epoch >= 0 and step < self.step:
            self.offset += self.step
            self.step = -1
        elif epoch < self.epoch:
            self.offset, self.step = 0, -1
        self.epoch = epoch


class Reader(Struct):
    """Reads lines into series."""

    series: Series = field(default_factory=Series)
    counter: Counter = field(default_factory=Counter)
    lines: int = 0

    def add(self, line: str) -> None:
        """Add the values of a line."""
        line = line[:WIDTH]
        found = LOSS.findall(line) if "loss" in line.lower() else []
        values = [
            (name, number) for name, text in found if (number := parse_number(text)) is not None
        ]
        values = [(name, number) for name, number in values if names.is_loss(name)]
        if not values:
            if epoch := EPOCH.search(line):
                self.counter.see_epoch(int(epoch[1]))
            return
        self.lines += 1
        step = self.counter.step_of(line)
        for name, number in values:
            self.series.add(step, name.lower(), number)
        for name, text in OTHER.findall(line):
            if (number := parse_number(text)) is not None:
                self.series.add(step, name.lower(), number)


def read_words(lines: Iterable[str]) -> tuple[Run, ...] | None:
    """The runs of a text; None if fewer than two of its lines name a loss."""
    reader = Reader()
    for line in lines:
        reader.add(line)
    counter = reader.counter
    if not counter.has_steps:
        reader.series.unit = "epoch" if counter.epoch >= 0 else "line"
    runs = reader.series.runs()
    return runs if runs and reader.lines >= MIN_LINES else None

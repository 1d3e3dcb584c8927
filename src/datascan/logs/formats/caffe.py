"""What Caffe and its forks print while they train.

Sources: Caffe, the output through glog of src/caffe/solver.cpp, src/caffe/solvers/sgd_solver.cpp
and tools/caffe.cpp; NVIDIA/caffe, src/caffe/solver.cpp, which puts the epoch between the iteration
and the loss. Lines may have any prefix: indentation, quotes, times, names of containers and ranks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from datascan.logs.formats.last_words import note_end
from datascan.logs.runs import MAX_OUTPUTS, MAX_RUNS, Output, Run, parse_number

GLOG = re.compile(r"(?<![A-Za-z])([IWEF])\d{4,8} \d\d:\d\d:\d\d\.\d+ +\d+ [\w./+-]+:\d+\] ?")
LOSS = re.compile(r"Iteration (\d{1,12})(?!\d)[^=]{0,200}?, loss = (\S+)")
RATE = re.compile(r"Iteration (\d{1,12}), lr = (\S+)")
OUTPUT = re.compile(
    r"(Train|Test) net output #\d{1,9}: (.{1,200}?) = (\S+)(?: \(\* (\S+) = \S+ loss\))?"
)
TESTING = re.compile(r"Iteration (\d{1,12}), Testing net(?: \(#(\d{1,9})\))?")
SCORE = re.compile(r"Test score (#\d{1,9}): (\S+)")
PARAMETER = re.compile(r"(\w{1,40}): (\"[^\"]{0,400}\"|\S{1,400})\s*$")
OUTPUTS_OF_LAYER = re.compile(r"\s*num_output: (\d{1,9})\s*$")
DEVICES = re.compile(r"Using GPUs ([\d, ]+)")
RANK = re.compile(r"\[\d+,(\d+)\]<std|^ *(\d{1,6}): ")
DEVICE = re.compile(r" *\[(\d{1,4}\.\d{1,4})\] ")
SOLVER_HEADING = "Initializing solver from parameters"
RESUME = re.compile(r"Restoring previous solver status from|Resuming from \S+\.solverstate")
SNAPSHOT = re.compile(r"(\d{1,12})\.solverstate")

PREFIX_LENGTH = 300
MAX_PREFIXES = 32
MAX_HEADER = 2000
"""Lines of a header that are kept: real ones have up to some hundred."""


class Prefix:
    """The prefix of the lines of a log: the same for all, except for its numbers."""

    def __init__(self) -> None:
        self.known: dict[str, re.Pattern[str]] = {}
        self.current: re.Pattern[str] | None = None
        self.rank = ""

    def learn(self, prefix: str) -> None:
        """Learn the prefix of a line of glog."""
        shape = re.sub(r"\d+", "0", prefix)
        if shape not in self.known and len(self.known) < MAX_PREFIXES:
            pattern = re.escape(prefix)
            self.known[shape] = re.compile(re.sub(r"\d+", r"\\d+", pattern))
        self.current = self.known.get(shape) if prefix else None
        found = RANK.search(prefix)
        self.rank = (found[1] or found[2]) if found else ""

    def strip(self, line: str) -> str:
        """A line without the prefix."""
        found = self.current.match(line) if self.current else None
        return line[found.end() :] if found else line


class Splitter:
    """Splits the lines of a log into runs."""

    def __init__(self) -> None:
        self.run = Run()
        self.prefix = Prefix()
        self.in_header = False
        self.speaker: str | None = None
        self.runs = 1
        self.testing: tuple[int, str] | None = None

    def add(self, line: str) -> Iterator[Run]:
        """Add a line; yields the run before it if the line begins another."""
        glog = GLOG.search(line, 0, PREFIX_LENGTH) if "] " in line else None
        if glog:
            if glog.start() or self.prefix.current:
                self.prefix.learn(line[: glog.start()])
            text = line[glog.end() :]
        else:
            text = self.prefix.strip(line)
            if self.in_header and self.add_parameter(text):
                return
        loss = LOSS.search(text) if ", loss = " in text else None
        self.in_header = SOLVER_HEADING in text
        begins = self.in_header or self.starts_run(text, loss)
        if begins and self.runs < MAX_RUNS and not self.run.is_empty:
            self.runs += 1
            yield self.run
            self.run, self.testing = Run(), None
        if glog:
            self.run.is_glog = True
        if self.in_header:
            self.run.started = True
        elif loss:
            self.add_loss(text, *loss.groups())
        elif not self.parse(text):
            note_end(self.run, text, glog[1] if glog else None)

    def add_parameter(self, text: str) -> bool:
        """Whether a line without glog is a part of the header, to which it is added."""
        if LOSS.search(text) or RATE.search(text) or "***" in text:
            return False
        if found := PARAMETER.match(text):
            self.run.parameters.setdefault(found[1], found[2].strip('"'))
            if len(self.run.header) < MAX_HEADER:
                self.run.header.append(f"{found[1]}: {found[2]}")
        return True

    def starts_run(self, text: str, loss: re.Match[str] | None) -> bool:
        """Whether a line starts a new run: it lists devices, or its iteration is a step back."""
        if loss is None:
            return "Using GPUs" in text and DEVICES.search(text) is not None
        seen = self.run.iterations
        return bool(seen) and int(loss[1]) < seen[-1] and not self.is_echo(text)

    def is_echo(self, text: str) -> bool:
        """Whether another process or device than the first prints the line as well."""
        device = DEVICE.match(text) if text[:1] in " [" else None
        if device is None and not self.prefix.rank:
            return False
        speaker = f"{self.prefix.rank}/{device[1] if device else ''}"
        if self.speaker is None:
            self.speaker = speaker
        return speaker != self.speaker

    def add_loss(self, text: str, iteration: str, value: str) -> None:
        """Add a loss to the run. A value that is not a number was cut: it is skipped."""
        run, loss = self.run, parse_number(value)
        if loss is not None and not self.is_echo(text):
            if run.crash is not None or run.ended is not None:  # the run is still alive
                run.crash, run.ended = None, None
                run.last_words.clear()
            run.iterations.append(int(iteration))
            run.losses.append(loss)

    def parse(self, text: str) -> bool:
        """Whether a line has a value or says how the run began, which is added to the run."""
        if "Iteration " in text:
            return self.parse_iteration(text)
        if " net output #" in text:
            found = OUTPUT.search(text)
            if found and not self.is_echo(text):
                self.add_output(*found.groups())
            return found is not None
        if found := SCORE.search(text):
            self.add_output("Test", f"score {found[1]}", found[2], None)
            return True
        return self.parse_beginning(text)

    def parse_iteration(self, text: str) -> bool:
        """Whether a line has a rate, or begins a test phase."""
        if found := RATE.search(text):
            rate = parse_number(found[2])
            if rate is not None and not self.is_echo(text):
                self.run.rate_iterations.append(int(found[1]))
                self.run.rates.append(rate)
        elif found := TESTING.search(text):
            net = found[2] or "0"
            self.testing = (int(found[1]), "" if net == "0" else f"net #{net} ")
        return found is not None

    def add_output(self, phase: str, name: str, value: str, weight: str | None) -> None:
        """Add an output of the current iteration to the run."""
        known = parse_number(value)
        if known is None:
            return
        run = self.run
        if phase == "Test":
            iteration, net = self.testing or (run.last, "")
            outputs, name = run.tests, net + name
        elif run.iterations:
            iteration, outputs = run.iterations[-1], run.outputs
        else:
            return
        if name not in outputs and len(outputs) >= MAX_OUTPUTS:
            return
        output = outputs.setdefault(name, Output(0.0))
        output.weight = (parse_number(weight) or 0.0) if weight else 0.0
        output.add(iteration, known)

    def parse_beginning(self, text: str) -> bool:
        """Whether a line says how the run began."""
        run = self.run
        if found := DEVICES.search(text):
            run.devices = max(1, len(found[1].replace(",", " ").split()))
        elif RESUME.search(text):
            run.resumed = True
            named = SNAPSHOT.search(text)
            run.snapshot = int(named[1]) if named else None
        elif found := OUTPUTS_OF_LAYER.match(text):
            if not run.iterations:
                run.classes = int(found[1])
        else:
            return False
        return True


def split_runs(lines: Iterable[str]) -> Iterator[Run]:
    """Split a Caffe log into runs."""
    splitter = Splitter()
    for line in lines:
        yield from splitter.add(line)
    yield splitter.run

"""What to do next about a run that broke: the advice for its cause, with the command to type."""

from __future__ import annotations

import re
from collections.abc import Callable
from shlex import quote

from msgspec import Struct

from datascan.caffe.net.learning_policies import POLICIES
from datascan.caffe.net.learning_rate import missing_parameters
from datascan.caffe.net.prototxt import parse
from datascan.caffe.net.training import Solver, Training, build_solver
from datascan.errors import DatasetError
from datascan.logs.diagnosis import Diagnosis
from datascan.logs.runs import Log, Run
from datascan.report.figures import Cause

MEMORY = ("out of memory", "bad_alloc", "Killed", "MemoryError", "cudaErrorMemoryAllocation")
SETUP = re.compile(
    r"File not found|No such file|Failed to parse|Cannot copy param|shape mismatch|Unknown |"
    r"Could not open|not found|Error parsing|ReadProtoFrom"
)
"""What crashes say if the net, the solver, the weights or a path are at fault, not a record."""

STORES = {"LMDB": "lmdb", "mdb_": "lmdb", "leveldb": "leveldb", "H5": "hdf5", "HDF5": "hdf5"}
"""What frames and messages contain if reading a store failed, and the command for it."""


class Case(Struct, frozen=True):
    """A run that broke, and what is known of it.

    ``known``: the records that it was reading are known; ``culprits``: some of them have errors.
    """

    log: Log
    run: Run
    verdict: Diagnosis
    training: Training
    known: bool
    culprits: bool

    @property
    def is_caffe(self) -> bool:
        """Whether the log is that of Caffe, as its lines or a net show."""
        return self.log.layout == "caffe-log" or bool(self.training.views)

    @property
    def has_net(self) -> bool:
        """Whether the net is known."""
        return bool(self.training.views)

    @property
    def lacks_store(self) -> bool:
        """Whether the net is known, but not found what it trains on."""
        train = [source for source in self.training.sources if source.phase == "TRAIN"]
        return bool(train) and all(source.path is None for source in train)

    def root_command(self) -> str:
        """The command that names records, given the folder of their store."""
        files = f"--net {quote(str(self.training.path))}"
        solver = self.training.solver
        if solver is not None and solver.path != self.training.path:
            files += f" --solver {quote(str(solver.path))}"
        elif solver is not None:
            files = f"--solver {quote(str(solver.path))}"
        return f"datascan log {quote(str(self.log.path))} {files} --root FOLDER"

    def log_command(self) -> str:
        """The command that names records."""
        if self.lacks_store:
            return self.root_command()
        given = self.run.parameters.get("net") or self.run.parameters.get("train_net")
        net = quote(given) if given else "NET.prototxt"
        return f"datascan log {quote(str(self.log.path))} --net {net} --solver SOLVER.prototxt"

    def net_command(self) -> str:
        """The command that checks net and solver."""
        given = self.run.parameters.get("net")
        net = quote(str(self.training.path)) if self.has_net else quote(given or "NET.prototxt")
        solver = self.training.solver
        if solver is not None and solver.path == self.training.path:
            return f"datascan net {net}"
        name = quote(str(solver.path)) if solver is not None else "SOLVER.prototxt"
        return f"datascan net {net} --solver {name}"

    def scan_command(self) -> str:
        """The command that scans the training data."""
        train = [s for s in self.training.sources if s.phase == "TRAIN" and s.path is not None]
        return f"datascan scan {quote(str(train[0].path))}" if train else "datascan scan DATA"


def after_nan(case: Case) -> str:
    """A loss that is NaN, without growth that can be seen."""
    if case.culprits:
        return (
            "drop or repair the records named here, and start again from a snapshot before them; "
            f"to see all bad records: {case.scan_command()} --bad-records bad.jsonl"
        )
    closer = (
        "" if case.verdict.clear else "run again with display: 1 to see whether the loss grows; "
    )
    if case.is_caffe and (not case.has_net or case.lacks_store):
        return f"{closer}to name the record: {case.log_command()}"
    if case.is_caffe and case.known:
        return (
            f"{closer}the data is sound, so check the loss function (log of 0, 0/0), the weights "
            f"and the mean file: {case.net_command()}"
        )
    if case.is_caffe:
        return f"{closer}look for the record in the whole store: {case.scan_command()}"
    closer = "" if case.verdict.clear else "log the loss of every step to see whether it grows; "
    return (
        f"{closer}look for NaN, Inf and extreme values in the training data: datascan scan DATA; "
        "log which records each batch holds to find the one"
    )


def after_growth(case: Case) -> str:
    """A loss that grew."""
    if case.is_caffe:
        return (
            "divide base_lr by ten, scale the input, or clip gradients (clip_gradients in the "
            f"solver); to check both: {case.net_command()}"
        )
    return (
        "divide the learning rate by ten, warm it up, or clip gradients; to see the range of the "
        "input: datascan scan DATA"
    )


def after_saturation(case: Case) -> str:
    """A loss that is stuck at 87.3365."""
    if case.culprits:
        return after_nan(case)
    if case.verdict.clear or case.known:
        return (
            "divide base_lr by ten, scale the input, and start from scratch: these weights are "
            f"lost; to check labels and scale: {case.net_command()}"
        )
    if case.has_net and not case.lacks_store:
        return f"look for NaN in the whole store: {case.scan_command()}"
    return f"if a record holds NaN, this names it: {case.log_command()}"


def after_crash(case: Case) -> str:
    """A run that crashed."""
    words = " ".join((case.run.crash or "", *case.run.last_words))
    store = next((command for sign, command in STORES.items() if sign in words), None)
    if any(sign in words for sign in MEMORY):
        advice, command = (
            "the machine or the GPU ran out of memory, and no record is at fault: lower batch_size",
            "nvidia-smi, dmesg | grep -i kill",
        )
    elif case.verdict.last_finite is None and SETUP.search(words):
        advice, command = "the run has not begun: correct what this line names", case.net_command()
    elif store is not None and "SIGBUS" in words:
        advice = f"the {store.upper()} is shorter than it says, so copy it again"
        command = f"datascan {store} STORE"
    elif case.culprits:
        advice, command = "drop or repair the records named here; all of them", case.scan_command()
    elif store is not None:
        advice, command = "reading the store failed", f"datascan {store} STORE"
    elif case.is_caffe and (not case.has_net or case.lacks_store):
        advice, command = "to name the record that it was reading", case.log_command()
    else:
        closer = "display: 1" if case.is_caffe else "a line for every step"
        advice = f"run again with {closer}, so that the log ends closer; all of the data"
        command = case.scan_command()
    return f"{advice}: {command}"


def after_rate(case: Case) -> str:
    """A rate that cannot be used."""
    if not case.is_caffe:
        return "check the scheduler and its number of steps; print its rate for every step"
    solver = case.training.solver or solver_in(case.run, case.log)
    advice = "correct base_lr, gamma and power: gamma should be between 0 and 1, base_lr above 0"
    if solver is not None and (missing := lacking(solver)):
        advice = f"set {' and '.join(missing)} in the solver"
    return f"{advice}; this computes the rate of every iteration: {case.net_command()}"


def after_test(case: Case) -> str:
    """A loss that is broken in test phases only."""
    advice = (
        "a record of the test data may hold NaN, or the statistics of a BatchNorm are broken (they "
        "are only used in tests)"
    )
    if case.is_caffe and not case.has_net:
        return f"{advice}; to scan the data of both phases: {case.log_command()}"
    return f"{advice}; to scan the data: datascan scan TEST_DATA"


def after_stuck(case: Case) -> str:
    """A loss that stays at ln(classes)."""
    advice = "check that labels belong to their records, the scale of the input and the fillers"
    if case.is_caffe:
        return f"{advice}, and try another base_lr: {case.net_command()}"
    return f"{advice}, and try another learning rate: datascan scan DATA --num-classes CLASSES"


def after_zero(case: Case) -> str:
    """A loss of exactly 0."""
    if case.verdict.grave:
        return "train in bfloat16 or float32; to find values beyond float16: datascan scan DATA"
    command = case.net_command() if case.is_caffe else "datascan scan DATA"
    return f"check whether all labels are ignored or equal, and the loss weight: {command}"


def after_missing_start(_case: Case) -> str:
    """A loss that is NaN where the log begins."""
    return "the break is in an earlier log: datascan log EARLIER.log"


ADVICE: dict[Cause, Callable[[Case], str]] = {
    "sudden-nan": after_nan,
    "nan-from-start": after_nan,
    "break-before-log": after_missing_start,
    "gradient-blow-up": after_growth,
    "loss-saturated": after_saturation,
    "died": after_crash,
    "lr-not-finite": after_rate,
    "loss-broken-in-test": after_test,
    "loss-stuck": after_stuck,
    "loss-zero": after_zero,
}


def next_step(case: Case) -> str:
    """What to do next, with a command; empty if the rule's own advice is all there is."""
    advise = ADVICE.get(case.verdict.cause)
    return advise(case) if advise is not None else ""


def solver_in(run: Run, log: Log) -> Solver | None:
    """The solver that the header of a run shows; None if it has none that can be read."""
    if not run.header:
        return None
    try:
        return build_solver(parse(log.path, "\n".join(run.header), "SolverParameter"))
    except DatasetError:
        return None  # a header that was cut, or is that of a fork


def lacking(solver: Solver) -> list[str]:
    """The parameters that the policy of a solver needs and the solver lacks."""
    known = (solver.lr_policy or "") in POLICIES
    return missing_parameters(solver) if known else []


def explain_rate(run: Run, log: Log) -> str:
    """Why the rate of a run cannot be used, as its header shows; empty if it does not."""
    solver = solver_in(run, log)
    missing = lacking(solver) if solver is not None else []
    if solver is None or not missing:
        return ""
    return f": the header has lr_policy {solver.lr_policy} without {' and '.join(missing)}"

"""Training logs as Caffe prints them through glog."""

from __future__ import annotations

from collections.abc import Sequence

STAMP = "20261123 06:23:46.341156 29810"


def glog_line(where: str, text: str, level: str = "I") -> str:
    """A line of glog."""
    return f"{level}{STAMP} {where}] {text}\n"


def line(iteration: int, loss: float) -> str:
    """The line of an iteration."""
    text = f"Iteration {iteration} (10 iter/s, 0s/10 iters), loss = {loss:g}"
    return glog_line("solver.cpp:239", text)


def output(place: int, name: str, value: float, weight: float | None = None) -> str:
    """The line of one output of the net."""
    text = f"    Train net output #{place}: {name} = {value:g}"
    if weight is not None:
        text += f" (* {weight:g} = {weight * value:g} loss)"
    return glog_line("solver.cpp:258", text)


def rate(iteration: int, value: float) -> str:
    """The line of a learning rate."""
    return glog_line("sgd_solver.cpp:112", f"Iteration {iteration}, lr = {value:g}")


def test_lines(iteration: int) -> str:
    """The lines of a test phase."""
    return glog_line("solver.cpp:347", f"Iteration {iteration}, Testing net (#0)") + glog_line(
        "solver.cpp:414", "    Test net output #0: accuracy = 0.1"
    )


def solver_lines(**parameters: object) -> str:
    """The solver parameters at the beginning of a run."""
    known = {"base_lr": 0.1, "display": 10, "max_iter": 100, "lr_policy": '"fixed"'} | parameters
    text = glog_line("solver.cpp:45", "Initializing solver from parameters: ")
    text += "".join(f"{name}: {value}\n" for name, value in known.items())
    return (
        text
        + 'train_state {\n  level: 0\n  stage: ""\n}\n'
        + glog_line("solver.cpp:102", "Creating")
    )


def crash(why: str) -> str:
    """The end of a run that was aborted by a failed check."""
    return (
        glog_line("math.cpp:1", why, "F") + "*** Check failure stack trace: ***\n    @ 0x7f  main\n"
    )


def log_of(points: Sequence[tuple[int, float]], base_lr: float = 0.1, **parameters: object) -> str:
    """A complete log of a net with one loss."""
    text = solver_lines(base_lr=base_lr, **parameters)
    for iteration, loss in points:
        text += line(iteration, loss) + output(0, "loss", loss, 1) + rate(iteration, base_lr)
    return text


test_lines.__test__ = False  # type: ignore[attr-defined]  # functions have any attribute

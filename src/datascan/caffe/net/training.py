"""A net with its solver: what one training run is made of.

Source: Caffe, src/caffe/solver.cpp (InitTrainNet, InitTestNets).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datascan.caffe.net.graph import Layer, State, View, layers_of, view_of
from datascan.caffe.net.prototxt import Prototxt, UnknownField, fields_of, parse, read_text
from datascan.caffe.net.schema import ENUMS
from datascan.caffe.net.sources import PARAMS, DataSource, Loss, locate, losses_of, source_of
from datascan.errors import DatasetError, UsageError

SOLVER_TYPES = {
    "SGD": "SGD",
    "NESTEROV": "Nesterov",
    "ADAGRAD": "AdaGrad",
    "RMSPROP": "RMSProp",
    "ADADELTA": "AdaDelta",
    "ADAM": "Adam",
}


@dataclass(frozen=True, slots=True)
class Solver:
    """A solver; numbers that it does not give are None. ``message`` has everything."""

    path: Path
    message: Any
    type: str
    base_lr: float | None
    lr_policy: str | None
    max_iter: int | None
    iter_size: int
    display: int
    momentum: float


@dataclass(frozen=True, slots=True)
class Training:
    """A net in all of its phases, with its solver if one is known.

    ``unknown`` are the fields that Caffe would refuse, with the file that they stand in;
    ``places`` where relative paths are looked for.
    """

    path: Path
    solver: Solver | None
    views: tuple[View, ...]
    sources: tuple[DataSource, ...]
    losses: tuple[Loss, ...]
    unknown: tuple[tuple[Path, UnknownField], ...]
    places: tuple[Path, ...]


Places = tuple[Path, ...]


class Files:
    """The prototxts that belong to a training, each read once."""

    def __init__(self) -> None:
        self.known: dict[Path, Prototxt] = {}

    def read(self, path: Path) -> Prototxt:
        """A net, or a solver where its fields are a solver's."""
        if path not in self.known:
            text = read_text(path)
            found = parse(path, text, "NetParameter")
            if not (found.message.layer or found.message.layers):
                own = fields_of("SolverParameter")
                if not any(field.name in own for field in found.unknown if not field.within):
                    raise DatasetError(f"{path} is neither a net nor a solver: it has no layers")
                found = parse(path, text, "SolverParameter")
            self.known[path] = found
        return self.known[path]


def is_solver(file: Prototxt) -> bool:
    """Whether a file holds a solver."""
    return str(file.message.DESCRIPTOR.name) == "SolverParameter"


def solver_of(file: Prototxt) -> Solver:
    """The numbers of a solver."""
    message = file.message
    kind = str(message.type)
    if message.HasField("solver_type"):
        kind = SOLVER_TYPES[ENUMS["SolverType"].split()[message.solver_type]]

    def value(name: str) -> Any:
        return getattr(message, name) if message.HasField(name) else None

    return Solver(
        file.path,
        message,
        kind,
        value("base_lr"),
        value("lr_policy"),
        value("max_iter"),
        max(1, message.iter_size),
        message.display,
        message.momentum,
    )


@dataclass(frozen=True, slots=True)
class Written:
    """A net as it is written: the file, and the message in it."""

    file: Prototxt
    message: Any


Layered = tuple[tuple[Layer, ...], Any]


def parse_layers(net: Written) -> Layered:
    """The layers of a net, made once, so that all states share them; and its message."""
    return layers_of(net.file, net.message), net.message


def states_of(net: Layered, states: list[State]) -> Iterator[View]:
    """A net in each of some states."""
    layers, message = net
    return (view_of(layers, message, state) for state in states)


@dataclass(frozen=True, slots=True)
class Nets:
    """The nets of a solver; ``given`` is the one that the user named."""

    files: Files
    solver: Prototxt
    places: Places
    given: Written | None

    def views(self) -> Iterator[View]:
        """The TRAIN net, then the TEST nets, each in its state."""
        message = self.solver.message
        common = self._named("net") or self._inside("net_param")
        train = self._named("train_net") or self._inside("train_net_param")
        if self.given:
            common, train = ([], [self.given]) if train and not common else ([self.given], [])
        tests = [*self._inside("test_net_param"), *self._named("test_net")]
        if not common and not train:
            raise DatasetError(f"solver {self.solver.path} names no net")
        made = {id(net): parse_layers(net) for net in (*common, *train, *tests)}
        yield from states_of(
            made[id((train or common)[0])], [State("TRAIN").merged(message.train_state)]
        )
        states = [State("TEST").merged(state) for state in message.test_state]
        for place, net in enumerate(tests):
            own = states[place : place + 1] or [State("TEST")]
            yield from states_of(made[id(net)], own)
        for net in common:
            yield from states_of(made[id(net)], states[len(tests) :] or [State("TEST")])

    def _named(self, name: str) -> list[Written]:
        """The nets whose files a field of the solver names.

        Raises:
            DatasetError: where one does not exist.
        """
        value = getattr(self.solver.message, name)
        if self.given and name != "test_net":
            return [self.given] if value else []
        names = [value] if isinstance(value, str) else list(value)
        found = []
        for given in filter(None, names):
            path, tried = locate(given, self.places)
            if path is None:
                looked = " nor ".join(str(place) for place in tried)
                raise DatasetError(
                    f"solver {self.solver.path} names the net {given}: there is no {looked}"
                )
            file = self.files.read(path)
            if is_solver(file):
                raise DatasetError(f"solver {self.solver.path} names {path}, which is no net")
            found.append(Written(file, file.message))
        return found

    def _inside(self, name: str) -> list[Written]:
        """The nets that stand in a field of the solver."""
        message = self.solver.message
        value = getattr(message, name)
        if name == "test_net_param":
            return [Written(self.solver, inner) for inner in value]
        return [Written(self.solver, value)] if message.HasField(name) else []


def read_training(path: Path, solver: Path | None = None, root: Path | None = None) -> Training:
    """Read a net, or a solver that names its net; relative paths are looked for in ``root`` first.

    Raises:
        DatasetError: where a file does not exist or does not parse.
        UsageError: where ``root`` is no folder, or ``path`` a solver and another one is given.
    """
    if root is not None and not root.is_dir():
        raise UsageError(f"--root {root} is no folder")
    files = Files()
    given = files.read(path)
    own = given if is_solver(given) else None
    if solver is not None:
        if own:
            raise UsageError(f"{path} is a solver itself: give its net, or no --solver")
        own = files.read(solver)
        if not is_solver(own):
            raise UsageError(f"--solver {solver} is a net, not a solver")
    parents = [file.path.parent for file in (own, given) if file]
    places = tuple(dict.fromkeys([*([root] if root else []), Path(), *parents]))
    net = Written(given, given.message)
    if own is None:
        views = states_of(parse_layers(net), [State("TRAIN"), State("TEST")])
    else:
        views = Nets(files, own, places, None if own is given else net).views()
    return assemble_training(path, solver_of(own) if own else None, tuple(views), files, places)


def assemble_training(
    path: Path, solver: Solver | None, views: tuple[View, ...], files: Files, places: Places
) -> Training:
    """The training of these views; a layer that stands in several of them counts in the first."""
    sources: list[DataSource] = []
    losses: list[Loss] = []
    seen: set[Layer] = set()
    for view in views:
        own = tuple(losses_of(view))
        losses += own
        for layer in view.of_type(*PARAMS):
            if layer not in seen:
                size = solver.iter_size if solver else 1
                sources.append(source_of(view, layer, places, size, own))
        seen |= set(view.layers)
    unknown = tuple((file.path, field) for file in files.known.values() for field in file.unknown)
    return Training(path, solver, views, tuple(sources), tuple(losses), unknown, places)

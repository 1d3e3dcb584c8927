"""A net and its solver: the definition of a training run.

Source: Caffe, src/caffe/solver.cpp (InitTrainNet, InitTestNets).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from datascan.caffe.net.graph import Layer, State, View, build_layers, build_view
from datascan.caffe.net.kinds import describe_kind
from datascan.caffe.net.messages import message_fields
from datascan.caffe.net.net_search import FoundNet, UnfoundNet, search_net
from datascan.caffe.net.prototxt import Prototxt, Unknown, parse, read_text
from datascan.caffe.net.schema import enum_word
from datascan.caffe.net.sources import (
    PARAMS,
    DataSource,
    Loss,
    find_losses,
    read_source,
    reads_dataset,
)
from datascan.errors import DatasetError, UsageError

SOLVER_TYPES = {
    "SGD": "SGD",
    "NESTEROV": "Nesterov",
    "ADAGRAD": "AdaGrad",
    "RMSPROP": "RMSProp",
    "ADADELTA": "AdaDelta",
    "ADAM": "Adam",
}


class Solver(Struct, frozen=True, kw_only=True):
    """A solver; parameters that it does not set are None. ``message`` holds everything."""

    path: Path
    message: Any
    type: str
    base_lr: float | None
    lr_policy: str | None
    max_iter: int | None
    iter_size: int
    display: int
    momentum: float


class Training(Struct, frozen=True, kw_only=True):
    """A net in all its phases, with its solver if there is one.

    ``unknown`` are the fields and values that Caffe would reject, each with its file; ``places``
    are the folders in which relative paths are searched for, ``files`` all nets and the solver.
    ``found`` are nets that were not found under the name that the solver gives, but elsewhere;
    ``unfound`` are those that were not found at all.
    """

    path: Path
    solver: Solver | None = None
    views: tuple[View, ...] = ()
    sources: tuple[DataSource, ...] = ()
    losses: tuple[Loss, ...] = ()
    unknown: tuple[tuple[Path, Unknown], ...] = ()
    places: tuple[Path, ...] = ()
    files: tuple[Prototxt, ...] = ()
    found: tuple[FoundNet, ...] = ()
    unfound: tuple[UnfoundNet, ...] = ()


Places = tuple[Path, ...]
NET_FIELDS = frozenset(message_fields("NetParameter"))
"""Fields that a file may have without being a solver."""


class Files:
    """The prototxt files of a training, each read once."""

    def __init__(self) -> None:
        self.known: dict[Path, Prototxt] = {}

    def read(self, path: Path, *, typed: bool = False) -> Prototxt:
        """Read a net, or a solver if the file has a solver's fields.

        ``typed``: the user has named the file in person, so it may be a pipe.
        """
        if path not in self.known:
            text = read_text(path, typed=typed)
            found = parse(path, text, "NetParameter", typed=typed)
            if not (found.message.layer or found.message.layers):
                own = message_fields("SolverParameter").keys() - NET_FIELDS
                if not found.top_level & own:
                    kind = describe_kind(found.top_level) if typed else "it has no layers"
                    raise DatasetError(f"{path} is neither a net nor a solver: {kind}")
                found = parse(path, text, "SolverParameter", typed=typed)
            self.known[path] = found
        return self.known[path]


def is_solver(file: Prototxt) -> bool:
    """Whether a file holds a solver."""
    return str(file.message.DESCRIPTOR.name) == "SolverParameter"


def build_solver(file: Prototxt) -> Solver:
    """The parameters of a solver."""
    message = file.message
    kind = str(message.type)
    if message.HasField("solver_type"):
        kind = SOLVER_TYPES.get(enum_word("SolverType", message.solver_type), "")

    def value(name: str) -> Any:
        return getattr(message, name) if message.HasField(name) else None

    return Solver(
        path=file.path,
        message=message,
        type=kind,
        base_lr=value("base_lr"),
        lr_policy=value("lr_policy"),
        max_iter=value("max_iter"),
        iter_size=max(1, message.iter_size),
        display=message.display,
        momentum=message.momentum,
    )


class NetMessage(Struct, frozen=True):
    """A net: its message, and the file that contains it."""

    file: Prototxt
    message: Any


ParsedNet = tuple[tuple[Layer, ...], Any]


def parse_layers(net: NetMessage) -> ParsedNet:
    """The layers of a net, parsed once so that all states share them, and its message."""
    return build_layers(net.message), net.message


def build_views(net: ParsedNet, states: list[State]) -> Iterator[View]:
    """A view of a net for each state."""
    layers, message = net
    return (build_view(layers, message, state) for state in states)


class SolverNets(Struct, frozen=True):
    """The nets of a solver; ``given`` is the net that the user named, if any."""

    files: Files
    solver: Prototxt
    places: Places
    given: NetMessage | None
    found: list[FoundNet] = []
    unfound: list[UnfoundNet] = []

    def views(self) -> Iterator[View]:
        """The TRAIN net, then the TEST nets, each in its state."""
        message = self.solver.message
        common = self._named("net") or self._inside("net_param")
        train = self._named("train_net") or self._inside("train_net_param")
        if self.given:
            common, train = ([], [self.given]) if train and not common else ([self.given], [])
        tests = [*self._inside("test_net_param"), *self._named("test_net")]
        if not common and not train:
            if not self.unfound:
                self.unfound.append(UnfoundNet("", ()))
            return
        parsed = {id(net): parse_layers(net) for net in (*common, *train, *tests)}
        yield from build_views(
            parsed[id((train or common)[0])], [State("TRAIN").merged(message.train_state)]
        )
        states = [State("TEST").merged(state) for state in message.test_state]
        for place, net in enumerate(tests):
            own = states[place : place + 1] or [State("TEST")]
            yield from build_views(parsed[id(net)], own)
        for net in common:
            yield from build_views(parsed[id(net)], states[len(tests) :] or [State("TEST")])

    def _named(self, name: str) -> list[NetMessage]:
        """The nets whose files a field of the solver names.

        One that does not exist is noted and left out.

        Raises:
            DatasetError: if one is not a net.
        """
        value = getattr(self.solver.message, name)
        if self.given and name != "test_net":
            return [self.given] if value else []
        names = [value] if isinstance(value, str) else list(value)
        found = []
        for given in filter(None, names):
            net = search_net(given, self.places, self.solver.path)
            if isinstance(net, UnfoundNet):
                self.unfound.append(net)
                continue
            if net.is_elsewhere:
                self.found.append(net)
            path = net.path
            file = self.files.read(path)
            if is_solver(file):
                raise DatasetError(f"solver {self.solver.path} names {path}, which is not a net")
            found.append(NetMessage(file, file.message))
        return found

    def _inside(self, name: str) -> list[NetMessage]:
        """The nets that a field of the solver contains."""
        message = self.solver.message
        value = getattr(message, name)
        if name == "test_net_param":
            return [NetMessage(self.solver, inner) for inner in value]
        return [NetMessage(self.solver, value)] if message.HasField(name) else []


def read_training(path: Path, solver: Path | None = None, root: Path | None = None) -> Training:
    """Read a net, or a solver that names its net; relative paths are searched in ``root`` first.

    Raises:
        DatasetError: if a file does not exist or does not parse.
        UsageError: if ``root`` is not a folder, or ``path`` is a solver and ``solver`` is given.
    """
    if root is not None and not root.is_dir():
        raise UsageError(f"--root {root} is not a folder")
    files = Files()
    given = files.read(path, typed=True)
    own = given if is_solver(given) else None
    if solver is not None:
        if own:
            raise UsageError(f"{path} is itself a solver: pass its net, or drop --solver")
        own = files.read(solver, typed=True)
        if not is_solver(own):
            raise UsageError(f"--solver {solver} is a net, not a solver")
    parents = [file.path.parent for file in (own, given) if file]
    places = tuple(dict.fromkeys([*([root] if root else []), Path(), *parents]))
    net = NetMessage(given, given.message)
    if own is None:
        views = build_views(parse_layers(net), [State("TRAIN"), State("TEST")])
        return assemble_training(path, None, tuple(views), files, places)
    nets = SolverNets(files, own, places, None if own is given else net)
    all_views = tuple(nets.views())
    roots = [found.root for found in nets.found if found.root is not None]
    places = tuple(dict.fromkeys([*places, *roots]))
    training = assemble_training(path, build_solver(own), all_views, files, places)
    return replace(training, found=tuple(nets.found), unfound=tuple(nets.unfound))


def assemble_training(
    path: Path, solver: Solver | None, views: tuple[View, ...], files: Files, places: Places
) -> Training:
    """Assemble a training; the source of a layer that is in several views counts once."""
    sources: list[DataSource] = []
    losses: list[Loss] = []
    seen: set[Layer] = set()
    for view in views:
        own = tuple(find_losses(view))
        losses += own
        for layer in view.of_type(*PARAMS):
            if layer not in seen and reads_dataset(layer):
                size = solver.iter_size if solver else 1
                sources.append(read_source(view, layer, places, size, own))
        seen |= set(view.layers)
    unknown = tuple((file.path, one) for file in files.known.values() for one in file.unknown)
    return Training(
        path=path,
        solver=solver,
        views=views,
        sources=tuple(sources),
        losses=tuple(losses),
        unknown=unknown,
        places=places,
        files=tuple(files.known.values()),
    )

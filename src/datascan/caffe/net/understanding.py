"""Which parts of a net and its solver datascan does not understand, and which are misspelt.

A net for a fork of Caffe has layer types, fields, enum values and policies that Caffe does not
have. All that can be said of them is that they were not checked.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from datascan.caffe.net.layer_types import (
    LAYER_TYPES,
    current_type_name,
    find_meant_type,
    upgraded_type,
)
from datascan.caffe.net.learning_policies import POLICIES, find_meant_policy
from datascan.caffe.net.prototxt import Unknown, shorten
from datascan.caffe.net.similar import find_misspelt
from datascan.caffe.net.training import SOLVER_TYPES, Training

MAX_NAMES = 6
"""How many names of one kind are listed in a sentence."""

MAX_LOCATED = 3
"""If there are more fields, their lines are left out."""

UNREAD_TYPES = frozenset({"MemoryData", "WindowData"})
"""Layers that read data that datascan does not read."""

SEQUENCE = ", "


class NotUnderstood(Struct, frozen=True):
    """The names of what is not understood, each once, in the order of the net.

    ``fields`` and ``values`` also say what they are in: "engine of pooling_param", "pool: FOO".
    ``places`` are the lines of the fields, like "net.prototxt:12".
    """

    types: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    values: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    solver_types: tuple[str, ...] = ()
    places: tuple[str, ...] = ()

    def parts(self) -> Iterator[str]:
        """Each kind with its names, of which at most ``MAX_NAMES`` are listed."""
        for noun, names in (
            ("layer type", self.types),
            ("field", self.located_fields),
            ("value", self.values),
            ("lr_policy", self.policies),
            ("solver type", self.solver_types),
        ):
            if names:
                plural = "s" if len(names) > 1 and noun != "lr_policy" else ""
                yield f"{noun}{plural} {list_names(names)}"

    @property
    def names(self) -> tuple[str, ...]:
        """Everything, each with its kind."""
        return (
            *(f"layer type {name}" for name in self.types),
            *(f"field {name}" for name in self.fields),
            *(f"value {name}" for name in self.values),
            *(f"lr_policy {name}" for name in self.policies),
            *(f"solver type {name}" for name in self.solver_types),
        )

    @property
    def located_fields(self) -> tuple[str, ...]:
        """The fields, with their lines if they may be mistakes: a few, and nothing else."""
        if self.is_of_a_fork or len(self.fields) > MAX_LOCATED:
            return self.fields
        pairs = zip(self.fields, self.places, strict=True)
        return tuple(f"{name} ({place})" for name, place in pairs)

    @property
    def is_of_a_fork(self) -> bool:
        """Whether it can only be meant for a fork: a field alone may be a mistake."""
        return bool(self.types or self.values or self.policies or self.solver_types)


def list_names(names: tuple[str, ...]) -> str:
    """Names in a sentence: "A, B and C", "A, B, C, D, E, F and 3 more"."""
    shown, more = names[:MAX_NAMES], len(names) - MAX_NAMES
    if more > 0:
        return f"{SEQUENCE.join(shown)} and {more:,} more"
    return " and ".join([SEQUENCE.join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def find_not_understood(training: Training) -> NotUnderstood:
    """What is not understood of a training; what is only misspelt does not count."""
    types: dict[str, None] = {}
    for view in training.views:
        for layer in view.layers:
            if layer.type not in LAYER_TYPES and layer.type and not find_meant_type(layer.type):
                types[shorten(layer.type)] = None
    foreign = [one for _, one in training.unknown if not is_misspelt(one)]
    lines: dict[str, str] = {}
    for path, one in training.unknown:
        if not one.value and not is_misspelt(one):
            lines.setdefault(name_field(one), f"{path.name}:{one.line}")
    policy = training.solver.lr_policy if training.solver else None
    kind = training.solver.type if training.solver else "SGD"
    unknown_policy = policy and policy not in POLICIES and not find_meant_policy(policy)
    unknown_type = kind not in SOLVER_TYPES.values() and not find_meant_solver(kind)
    return NotUnderstood(
        types=tuple(types),
        fields=tuple(lines),
        places=tuple(lines.values()),
        values=tuple(dict.fromkeys(f"{one.name}: {one.value}" for one in foreign if one.value)),
        policies=(shorten(policy),) if policy and unknown_policy else (),
        solver_types=(shorten(kind),) if kind and unknown_type else (),
    )


def name_field(unknown: Unknown) -> str:
    """A field, and the message that it is in: "resize_param of transform_param"."""
    if unknown.within in ("", "layer", "layers"):
        return unknown.name
    return f"{unknown.name} of {unknown.within}"


def find_misspelt_fields(training: Training) -> Iterator[tuple[Path, Unknown]]:
    """The fields and values that are misspelt, each with its file."""
    return ((path, one) for path, one in training.unknown if is_misspelt(one))


def is_misspelt(unknown: Unknown) -> bool:
    """Whether a field or value of Caffe is meant, and not one of a fork."""
    if unknown.understood:
        return True
    if unknown.nearest is None:
        return False
    kind = unknown.owner_type
    known = not kind or current_type_name(upgraded_type(kind)) in LAYER_TYPES
    return known or bool(find_meant_type(kind))


def find_meant_solver(kind: str) -> str | None:
    """The type of solver that a misspelt one means: Adam for adam."""
    return find_misspelt(kind, SOLVER_TYPES.values())


def list_unchecked(training: Training) -> Iterator[str]:
    """All that was not checked: what is not understood, Python layers, data that is not read."""
    yield from find_not_understood(training).names
    python = dict.fromkeys(x.name for view in training.views for x in view.of_type("Python"))
    yield from (f"Python layer {shorten(name)}" for name in python)
    data = {x.name: x.type for view in training.views for x in view.of_type(*UNREAD_TYPES)}
    yield from (f"data of {kind} layer {shorten(name)}" for name, kind in data.items())
    yield from (f"net {shorten(net.given)}" for net in training.unfound if net.given)

"""Nets: layers, phases, and which layer feeds which.

How to use it (``Training`` is in :mod:`datascan.caffe.training`)::

    from datascan.caffe.training import read_training

    training = read_training(Path("train_val.prototxt"), solver=Path("solver.prototxt"), root=None)
    training.solver              # Solver or None: base_lr, lr_policy, max_iter, iter_size, message
    training.sources             # tuple[DataSource, ...], TRAIN first: layer, phase, backend, given
                                 # (the path as written), path (resolved; None where it is missing),
                                 # batch_size, iter_size, records_an_iteration, num_classes,
                                 # ignore_label, label_type, in_order, shuffle, rand_skip
    training.losses              # tuple[Loss, ...]: layer, type, weight, phase, outputs, tops
    training.views               # tuple[View, ...]: the layers of the TRAIN net, then of TEST nets

    from datascan.caffe.scans import source_options, open_source   # to scan a source

Source: Caffe, src/caffe/net.cpp (FilterNet, StateMeetsRule), src/caffe/util/upgrade_proto.cpp.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from datascan.caffe.fields import ENUMS, later_name
from datascan.caffe.prototxt import Prototxt
from datascan.errors import DatasetError

Phase = Literal["TRAIN", "TEST"]

CHANNELS_KEPT = frozenset(
    (
        "AbsVal",
        "BNLL",
        "BatchNorm",
        "Bias",
        "Clip",
        "Crop",
        "Dropout",
        "ELU",
        "Exp",
        "Flatten",
        "LRN",
        "Log",
        "MVN",
        "PReLU",
        "Pooling",
        "Power",
        "ReLU",
        "Reshape",
        "Scale",
        "Sigmoid",
        "Softmax",
        "Split",
        "Swish",
        "TanH",
        "Threshold",
    )
)
"""Layers whose output has the channels of their first input."""


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """A layer of today's form or of V1, under the type's present name."""

    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    message: Any

    def param(self, name: str) -> Any:
        """One of the layer's parameter messages, "pooling_param"; with defaults where not given."""
        return getattr(self.message, name)

    def has(self, name: str) -> bool:
        """Whether a parameter message is given; False where the layer's form has none such."""
        known = name in self.message.DESCRIPTOR.fields_by_name
        return known and bool(self.message.HasField(name))

    @property
    def first_rate(self) -> float:
        """By how much the solver's rate is multiplied for the layer's weights."""
        if "blobs_lr" in self.message.DESCRIPTOR.fields_by_name:
            return float(self.message.blobs_lr[0]) if self.message.blobs_lr else 1.0
        return float(self.message.param[0].lr_mult) if self.message.param else 1.0


@dataclass(frozen=True, slots=True)
class State:
    """What the rules of ``include`` and ``exclude`` are held against."""

    phase: Phase
    level: int = 0
    stages: frozenset[str] = frozenset()

    def merged(self, message: Any) -> State:
        """With level and stages of a NetState message added."""
        level = int(message.level) if message.HasField("level") else self.level
        return State(self.phase, level, self.stages | frozenset(message.stage))

    def meets(self, rule: Any) -> bool:
        """Whether a NetStateRule message holds."""
        if rule.HasField("phase") and ENUMS["Phase"].split()[rule.phase] != self.phase:
            return False
        if rule.HasField("min_level") and self.level < rule.min_level:
            return False
        if rule.HasField("max_level") and self.level > rule.max_level:
            return False
        return self.stages >= set(rule.stage) and not self.stages & set(rule.not_stage)

    def includes(self, layer: Layer) -> bool:
        """Whether the layer is part of the net in this state."""
        if layer.message.include:
            return any(self.meets(rule) for rule in layer.message.include)
        return not any(self.meets(rule) for rule in layer.message.exclude)


@dataclass(frozen=True, eq=False)
class View:
    """A net in one state: the layers that Caffe builds then, in order."""

    phase: Phase
    layers: tuple[Layer, ...]
    places: dict[Layer, int] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "places", {layer: i for i, layer in enumerate(self.layers)})

    def of_type(self, *types: str) -> Iterator[Layer]:
        """The layers of any of ``types``."""
        return (layer for layer in self.layers if layer.type in types)

    def feeding(self, layer: Layer, bottom: int = 0) -> Layer | None:
        """The layer that makes a bottom of ``layer``: the last one before it with such a top."""
        if bottom >= len(layer.bottoms):
            return None
        wanted = layer.bottoms[bottom]
        before = reversed(self.layers[: self.places[layer]])
        return next((found for found in before if wanted in found.tops), None)

    def up(self, layer: Layer, bottom: int = 0) -> Iterator[Layer]:
        """The layers above a bottom of ``layer``, nearest first, along first bottoms."""
        above = self.feeding(layer, bottom)
        while above is not None:
            yield above
            above = self.feeding(above)

    def readers(self, layer: Layer, top: str) -> Iterator[tuple[Layer, int]]:
        """The layers that read ``top`` of ``layer``, with the number of their bottom."""
        for below in self.layers[self.places[layer] + 1 :]:
            for bottom, name in enumerate(below.bottoms):
                if name == top and self.feeding(below, bottom) is layer:
                    yield below, bottom

    def ancestors(self, layer: Layer) -> Iterator[Layer]:
        """All layers that ``layer`` depends on, each once."""
        waiting, seen = [layer], {layer}
        while waiting:
            below = waiting.pop()
            for bottom in range(len(below.bottoms)):
                above = self.feeding(below, bottom)
                if above is not None and above not in seen:
                    seen.add(above)
                    waiting.append(above)
                    yield above

    def outputs(self, layer: Layer, bottom: int = 0) -> tuple[int, Layer] | None:
        """How many channels a bottom of ``layer`` has, and which layer makes them; None if unknown.

        Looks through what keeps the channels; a sum has those of its first term.
        """
        for above in self.up(layer, bottom):
            if above.type in ("Convolution", "Deconvolution"):
                return count_of(above, "convolution_param")
            if above.type == "InnerProduct":
                return count_of(above, "inner_product_param")
            if above.type == "Concat":
                return self._joined(above)
            if above.type == "Reshape":
                dims = above.param("reshape_param").shape.dim
                if len(dims) > 1 and dims[1] > 0:
                    return int(dims[1]), above
            if above.type not in CHANNELS_KEPT and above.type != "Eltwise":
                return None
        return None

    def _joined(self, layer: Layer) -> tuple[int, Layer] | None:
        """The channels of a Concat: all of its bottoms', joined along axis 1."""
        param = layer.param("concat_param")
        if (param.concat_dim if param.HasField("concat_dim") else param.axis) not in (1, -3):
            return None
        parts = [self.outputs(layer, bottom) for bottom in range(len(layer.bottoms))]
        known = [part[0] for part in parts if part is not None]
        return (sum(known), layer) if len(known) == len(parts) else None


def count_of(layer: Layer, param: str) -> tuple[int, Layer] | None:
    """``num_output`` of a layer; None where it has none."""
    count = int(layer.param(param).num_output)
    return (count, layer) if count else None


def layers_of(net: Prototxt, message: Any) -> tuple[Layer, ...]:
    """All layers of a NetParameter message, whatever their phase.

    Raises:
        DatasetError: where they are of V0, the form before ``layers { type: ... }``.
    """
    layers = tuple(layer_of(m, str(m.type)) for m in message.layer)
    for old in message.layers:
        if old.HasField("layer"):
            name = old.layer.name or "?"
            raise DatasetError(
                f"{net.path}: layer {name} is of Caffe's oldest form (V0, a layer in layers): "
                "convert the net with upgrade_net_proto_text first"
            )
        word = ENUMS["V1Type"].split()[old.type]
        layers += (layer_of(old, later_name(word)),)
    return layers


def layer_of(message: Any, kind: str) -> Layer:
    """A layer message as a layer; V1's data layers take SoftmaxLoss and the like by new names."""
    kind = {"SoftmaxLoss": "SoftmaxWithLoss"}.get(kind, kind)
    return Layer(str(message.name), kind, tuple(message.bottom), tuple(message.top), message)


def view_of(layers: tuple[Layer, ...], message: Any, state: State) -> View:
    """Those of the ``layers`` of a NetParameter message that Caffe builds in a state."""
    state = state.merged(message.state)
    return View(state.phase, tuple(layer for layer in layers if state.includes(layer)))

"""SolverNets: layers, phases, and which layer feeds which.

How to use it (``Training`` is in :mod:`datascan.caffe.net.training`)::

    from datascan.caffe.net.training import read_training

    training = read_training(Path("train_val.prototxt"), solver=Path("solver.prototxt"), root=None)
    training.solver              # Solver or None: base_lr, lr_policy, max_iter, iter_size, message
    training.sources             # tuple[DataSource, ...], TRAIN first: layer, phase, backend, given
                                 # (the path as written), path (resolved; None if missing),
                                 # batch_size, iter_size, records_an_iteration, num_classes,
                                 # ignore_label, label_type, in_order, shuffle, rand_skip
    training.losses              # tuple[Loss, ...]: layer, type, weight, phase, outputs, tops
    training.views               # tuple[View, ...]: the layers of the TRAIN net, then of TEST nets

Source: Caffe, src/caffe/net.cpp (FilterNet, StateMeetsRule), src/caffe/util/upgrade_proto.cpp.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cached_property
from typing import Any, Literal

from msgspec import Struct

from datascan.caffe.net.layer_types import current_type_name
from datascan.caffe.net.schema import enum_word
from datascan.caffe.net.upgrade import upgrade_v0

Phase = Literal["TRAIN", "TEST"]

CHANNEL_PRESERVING = frozenset(
    (
        "AbsVal",
        "BNLL",
        "BatchNorm",
        "Bias",
        "Clip",
        "Crop",
        "Dropout",
        "ELU",
        "Eltwise",
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
"""Types of layers whose output has as many channels as their first input."""

MAX_CHANNELS = (1 << 31) - 1
"""Caffe stores the number of channels as int32."""

NUM_OUTPUT_PARAMS = {
    "Convolution": "convolution_param",
    "Deconvolution": "convolution_param",
    "InnerProduct": "inner_product_param",
}
"""Types of layers whose output has ``num_output`` channels, and the message that sets it."""


class Layer(Struct, frozen=True, eq=False):
    """A layer in the current or the V1 format, with its current type name."""

    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    message: Any

    def param(self, name: str) -> Any:
        """One of the layer's parameter messages, such as "pooling_param", with defaults."""
        return getattr(self.message, name)

    def has(self, name: str) -> bool:
        """Whether a parameter message is set; False if the layer's format does not have it."""
        known = name in self.message.DESCRIPTOR.fields_by_name
        return known and bool(self.message.HasField(name))

    @property
    def first_rate(self) -> float:
        """The multiplier of the learning rate for the layer's weights."""
        if "blobs_lr" in self.message.DESCRIPTOR.fields_by_name:
            return float(self.message.blobs_lr[0]) if self.message.blobs_lr else 1.0
        return float(self.message.param[0].lr_mult) if self.message.param else 1.0


class State(Struct, frozen=True):
    """Phase, level and stages, which ``include`` and ``exclude`` rules are matched against."""

    phase: Phase
    level: int = 0
    stages: frozenset[str] = frozenset()

    def merged(self, message: Any) -> State:
        """This state with the level and stages of a NetState message added."""
        level = int(message.level) if message.HasField("level") else self.level
        return State(self.phase, level, self.stages | frozenset(message.stage))

    def meets(self, rule: Any) -> bool:
        """Whether this state satisfies a NetStateRule message."""
        if rule.HasField("phase") and enum_word("Phase", rule.phase) != self.phase:
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


Reading = tuple[Layer, int]
"""A layer and the index of one of its bottoms."""


class View(Struct, frozen=True, eq=False, dict=True):
    """A net in one state: the layers that Caffe builds in it, in order."""

    phase: Phase
    layers: tuple[Layer, ...]

    @cached_property
    def feeds(self) -> dict[Reading, Layer]:
        """The layer that produces each bottom: the last earlier layer with a top of that name."""
        producers: dict[str, Layer] = {}
        feeds = {}
        for layer in self.layers:
            for bottom, name in enumerate(layer.bottoms):
                if name in producers:
                    feeds[layer, bottom] = producers[name]
            producers |= dict.fromkeys(layer.tops, layer)
        return feeds

    @cached_property
    def read_by(self) -> dict[Layer, list[Reading]]:
        """The layers that read each layer's tops, in the order of the net."""
        found: dict[Layer, list[Reading]] = {}
        for reading, above in self.feeds.items():
            found.setdefault(above, []).append(reading)
        return found

    def of_type(self, *types: str) -> Iterator[Layer]:
        """The layers of any of ``types``."""
        return (layer for layer in self.layers if layer.type in types)

    def up(self, layer: Layer, bottom: int = 0) -> Iterator[Layer]:
        """The layers that feed a bottom of ``layer``, nearest first, following first bottoms."""
        above = self.feeds.get((layer, bottom))
        while above is not None:
            yield above
            above = self.feeds.get((above, 0))

    def readers(self, layer: Layer, top: str) -> Iterator[Reading]:
        """The layers that read ``top`` of ``layer``, with the index of the bottom."""
        for below, bottom in self.read_by.get(layer, ()):
            if below.bottoms[bottom] == top:
                yield below, bottom

    def through(self, layer: Layer, top: str, passed: Collection[str]) -> Iterator[Reading]:
        """Like :meth:`readers`, but layers of types in ``passed`` yield their readers."""
        waiting, seen = [(layer, top)], {(layer, top)}
        while waiting:
            for below, bottom in self.readers(*waiting.pop(0)):
                if below.type not in passed:
                    yield below, bottom
                    continue
                further = [(below, name) for name in below.tops if (below, name) not in seen]
                waiting += further
                seen.update(further)

    def ancestors(self, layer: Layer) -> Iterator[Layer]:
        """All layers that ``layer`` depends on, each of them once."""
        waiting, seen = [layer], {layer}
        while waiting:
            below = waiting.pop()
            for bottom in range(len(below.bottoms)):
                above = self.feeds.get((below, bottom))
                if above is not None and above not in seen:
                    seen.add(above)
                    waiting.append(above)
                    yield above

    def outputs(self, layer: Layer, bottom: int = 0) -> tuple[int, Layer] | None:
        """How many channels a bottom of ``layer`` has, and which layer sets them; None if unknown.

        Layers that keep the number of channels are skipped. A sum has as many as its first term.
        """
        for above in self.up(layer, bottom):
            if above in self.channels:
                return self.channels[above]
        return None

    @cached_property
    def channels(self) -> dict[Layer, tuple[int, Layer] | None]:
        """The channels of each layer that sets them; None if they cannot be determined."""
        found: dict[Layer, tuple[int, Layer] | None] = {}
        for layer in self.layers:
            if layer.type == "Concat":
                found[layer] = concat_channels(
                    layer, [self._nearest_known(layer, b, found) for b in range(len(layer.bottoms))]
                )
            elif layer.type in NUM_OUTPUT_PARAMS:
                found[layer] = read_num_output(layer, NUM_OUTPUT_PARAMS[layer.type])
            elif layer.type == "Reshape" and (given := read_reshape(layer)) > 0:
                found[layer] = given, layer
            elif layer.type not in CHANNEL_PRESERVING or self._moves_space_to_channels(layer):
                found[layer] = None
        return found

    def _moves_space_to_channels(self, layer: Layer) -> bool:
        """Whether spatial positions become channels, or may: not if the map is 1x1."""
        if not is_flattening(layer):
            return False
        for above in self.up(layer):
            pooled = above.type == "Pooling" and above.param("pooling_param").global_pooling
            if pooled or above.type in ("InnerProduct", "Flatten"):
                return False
            if above.type in NUM_OUTPUT_PARAMS or above.type not in CHANNEL_PRESERVING:
                return True
        return True

    def _nearest_known(
        self, layer: Layer, bottom: int, found: dict[Layer, tuple[int, Layer] | None]
    ) -> tuple[int, Layer] | None:
        return next((found[above] for above in self.up(layer, bottom) if above in found), None)


def read_reshape(layer: Layer) -> int:
    """The number of channels that a Reshape sets; 0 if it keeps them, -1 if it infers them."""
    dims = layer.param("reshape_param").shape.dim
    return int(dims[1]) if len(dims) > 1 else 0


def is_flattening(layer: Layer) -> bool:
    """Whether a layer merges the spatial positions of a map into its channels."""
    return layer.type == "Flatten" or (layer.type == "Reshape" and read_reshape(layer) < 0)


def concat_channels(
    layer: Layer, parts: list[tuple[int, Layer] | None]
) -> tuple[int, Layer] | None:
    """The channels of a Concat of ``parts``; None unless it concatenates along axis 1."""
    param = layer.param("concat_param")
    if (param.concat_dim if param.HasField("concat_dim") else param.axis) not in (1, -3):
        return None
    known = [part[0] for part in parts if part is not None]
    total = sum(known)
    return (total, layer) if len(known) == len(parts) and total <= MAX_CHANNELS else None


def read_num_output(layer: Layer, param: str) -> tuple[int, Layer] | None:
    """``num_output`` of a layer; None if it is not set."""
    count = int(layer.param(param).num_output)
    return (count, layer) if count else None


def build_layers(message: Any) -> tuple[Layer, ...]:
    """All layers of a NetParameter message, in every phase; those of old formats are upgraded."""
    layers = tuple(build_layer(m, str(m.type)) for m in message.layer)
    is_v0 = any(old.HasField("layer") for old in message.layers)
    v1 = upgrade_v0(message) if is_v0 else message.layers
    return layers + tuple(build_layer(m, current_type_name(str(m.type))) for m in v1)


def build_layer(message: Any, kind: str) -> Layer:
    """A layer message as a :class:`Layer`; the old type SoftmaxLoss gets its current name."""
    kind = {"SoftmaxLoss": "SoftmaxWithLoss"}.get(kind, kind)
    return Layer(
        str(message.name) or "(unnamed)", kind, tuple(message.bottom), tuple(message.top), message
    )


def build_view(layers: tuple[Layer, ...], message: Any, state: State) -> View:
    """The view of the ``layers`` that Caffe builds from a NetParameter message in a state."""
    state = state.merged(message.state)
    return View(state.phase, tuple(layer for layer in layers if state.includes(layer)))

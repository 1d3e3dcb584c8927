"""Nets: layers, phases, and which layer feeds which.

How to use it (``Training`` is in :mod:`datascan.caffe.net.training`)::

    from datascan.caffe.net.training import read_training

    training = read_training(Path("train_val.prototxt"), solver=Path("solver.prototxt"), root=None)
    training.solver              # Solver or None: base_lr, lr_policy, max_iter, iter_size, message
    training.sources             # tuple[DataSource, ...], TRAIN first: layer, phase, backend, given
                                 # (the path as written), path (resolved; None where it is missing),
                                 # batch_size, iter_size, records_an_iteration, num_classes,
                                 # ignore_label, label_type, in_order, shuffle, rand_skip
    training.losses              # tuple[Loss, ...]: layer, type, weight, phase, outputs, tops
    training.views               # tuple[View, ...]: the layers of the TRAIN net, then of TEST nets

    from datascan.caffe.scan_net import actual_backend, source_options   # to scan a source:
    paths, options = source_options(source, training, Options.from_keywords(workers=0))
    report = run_scan(paths, options, backend=actual_backend(source, paths[0]))

Source: Caffe, src/caffe/net.cpp (FilterNet, StateMeetsRule), src/caffe/util/upgrade_proto.cpp.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from datascan.caffe.net.prototxt import Prototxt
from datascan.caffe.net.schema import ENUMS, later_name
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
"""Layers whose output has the channels of their first input."""

MAX_LAYERS = (1 << 31) - 1
"""Caffe counts channels in int32."""

COUNTED = {
    "Convolution": "convolution_param",
    "Deconvolution": "convolution_param",
    "InnerProduct": "inner_product_param",
}
"""Layers whose output has ``num_output`` channels, and where that stands."""


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


Reading = tuple[Layer, int]
"""A layer, and the number of one of its bottoms."""


@dataclass(frozen=True, eq=False)
class View:
    """A net in one state: the layers that Caffe builds then, in order."""

    phase: Phase
    layers: tuple[Layer, ...]

    @cached_property
    def feeds(self) -> dict[Reading, Layer]:
        """For every bottom the layer that makes it: the last one before with such a top."""
        made: dict[str, Layer] = {}
        found = {}
        for layer in self.layers:
            for bottom, name in enumerate(layer.bottoms):
                if name in made:
                    found[layer, bottom] = made[name]
            made |= dict.fromkeys(layer.tops, layer)
        return found

    @cached_property
    def read_by(self) -> dict[Layer, list[Reading]]:
        """For every layer who reads its tops, in the order of the net."""
        found: dict[Layer, list[Reading]] = {}
        for reading, above in self.feeds.items():
            found.setdefault(above, []).append(reading)
        return found

    def of_type(self, *types: str) -> Iterator[Layer]:
        """The layers of any of ``types``."""
        return (layer for layer in self.layers if layer.type in types)

    def up(self, layer: Layer, bottom: int = 0) -> Iterator[Layer]:
        """The layers above a bottom of ``layer``, nearest first, along first bottoms."""
        above = self.feeds.get((layer, bottom))
        while above is not None:
            yield above
            above = self.feeds.get((above, 0))

    def readers(self, layer: Layer, top: str) -> Iterator[Reading]:
        """The layers that read ``top`` of ``layer``, with the number of their bottom."""
        for below, bottom in self.read_by.get(layer, ()):
            if below.bottoms[bottom] == top:
                yield below, bottom

    def through(self, layer: Layer, top: str, passed: Collection[str]) -> Iterator[Reading]:
        """The same, looking through layers of the types ``passed`` at their readers."""
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
        """All layers that ``layer`` depends on, each once."""
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
        """How many channels a bottom of ``layer`` has, and which layer makes them; None if unknown.

        Looks through what keeps the channels; a sum has those of its first term.
        """
        for above in self.up(layer, bottom):
            if above in self.channels:
                return self.channels[above]
        return None

    @cached_property
    def channels(self) -> dict[Layer, tuple[int, Layer] | None]:
        """The channels of the layers that set them, None where they cannot be known."""
        found: dict[Layer, tuple[int, Layer] | None] = {}
        for layer in self.layers:
            if layer.type == "Concat":
                found[layer] = joined(layer, [self._above(layer, b, found) for b in bottoms(layer)])
            elif layer.type in COUNTED:
                found[layer] = count_of(layer, COUNTED[layer.type])
            elif layer.type == "Reshape" and (given := reshaped(layer)) > 0:
                found[layer] = given, layer
            elif layer.type not in CHANNELS_KEPT or self._mixes_places(layer):
                found[layer] = None
        return found

    def _mixes_places(self, layer: Layer) -> bool:
        """Whether places of a map become channels, or may: a map of one place is none."""
        if not is_flattening(layer):
            return False
        for above in self.up(layer):
            pooled = above.type == "Pooling" and above.param("pooling_param").global_pooling
            if pooled or above.type in ("InnerProduct", "Flatten"):
                return False
            if above.type in COUNTED or above.type not in CHANNELS_KEPT:
                return True
        return True

    def _above(
        self, layer: Layer, bottom: int, found: dict[Layer, tuple[int, Layer] | None]
    ) -> tuple[int, Layer] | None:
        return next((found[above] for above in self.up(layer, bottom) if above in found), None)


def reshaped(layer: Layer) -> int:
    """What a Reshape gives as the number of channels; 0 where it keeps them, -1 if it is left."""
    dims = layer.param("reshape_param").shape.dim
    return int(dims[1]) if len(dims) > 1 else 0


def is_flattening(layer: Layer) -> bool:
    """Whether a layer counts the places of a map among its channels."""
    return layer.type == "Flatten" or (layer.type == "Reshape" and reshaped(layer) < 0)


def bottoms(layer: Layer) -> range:
    """The numbers of a layer's bottoms."""
    return range(len(layer.bottoms))


def joined(layer: Layer, parts: list[tuple[int, Layer] | None]) -> tuple[int, Layer] | None:
    """The channels of a Concat of ``parts``, where it joins them along axis 1."""
    param = layer.param("concat_param")
    if (param.concat_dim if param.HasField("concat_dim") else param.axis) not in (1, -3):
        return None
    known = [part[0] for part in parts if part is not None]
    total = sum(known)
    return (total, layer) if len(known) == len(parts) and total <= MAX_LAYERS else None


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
    return Layer(
        str(message.name) or "(unnamed)", kind, tuple(message.bottom), tuple(message.top), message
    )


def view_of(layers: tuple[Layer, ...], message: Any, state: State) -> View:
    """Those of the ``layers`` of a NetParameter message that Caffe builds in a state."""
    state = state.merged(message.state)
    return View(state.phase, tuple(layer for layer in layers if state.includes(layer)))

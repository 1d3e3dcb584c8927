"""The datasets that a net reads, and how its losses use their labels.

Source: Caffe, src/caffe/layers (data, hdf5_data, image_data, and the losses).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from datascan.caffe.net.graph import Layer, Phase, View
from datascan.caffe.net.schema import enum_word
from datascan.config.options import LabelType

BACKENDS = {"LMDB": "lmdb", "LEVELDB": "leveldb"}
PARAMS = {"Data": "data_param", "HDF5Data": "hdf5_data_param", "ImageData": "image_data_param"}
"""Types of layers that read a dataset, and the message that configures each."""

CLASS_LOSSES = frozenset(
    ["SoftmaxWithLoss", "MultinomialLogisticLoss", "InfogainLoss", "HingeLoss"],
)
"""Losses whose second bottom holds class labels."""

TARGET_LOSSES = frozenset(["EuclideanLoss", "SigmoidCrossEntropyLoss", "SmoothL1Loss", "L1Loss"])
"""Losses whose second bottom holds regression targets."""

UNKNOWN_OUTPUTS = 1 << 62
"""Sorts losses with an unknown number of outputs last."""


class Missing(Exception):  # noqa: N818  (not an error: it becomes a finding)
    """A source does not exist."""


class Loss(Struct, frozen=True, eq=False):
    """A layer that contributes to the loss.

    ``outputs`` is the number of channels that it reads, ``fed_by`` the layer that produces them.
    """

    layer: str
    type: str
    weight: float
    phase: Phase
    tops: tuple[str, ...]
    outputs: int | None = None
    fed_by: str | None = None
    ignore_label: int | None = None
    counts_labels: bool = False
    """Whether it divides by a count of labels, which may be 0."""


class DataSource(Struct, frozen=True, kw_only=True):
    """A dataset that a layer of the net reads.

    ``given`` is its path as written in the net, ``path`` the file that was found (None if it is
    missing), ``tried`` the paths that were tried. ``loss`` is the loss that reads its labels
    directly, if there is one.
    """

    layer: str
    type: str
    phase: Phase
    backend: str
    given: str
    path: Path | None
    tried: tuple[Path, ...]
    batch_size: int
    iter_size: int = 1
    tops: tuple[str, ...] = ()
    label_top: str | None = None
    label_type: LabelType = "auto"
    loss: Loss | None = None
    num_classes: int | None = None
    fed_by: str | None = None
    """The layer whose outputs are the classes."""
    ignore_label: int | None = None
    root_folder: str | None = None
    shuffle: bool = False
    rand_skip: int = 0
    scale: float = 1.0
    has_mean: bool = False
    crop_size: int = 0
    size: tuple[int, int] | None = None
    """Height and width that images are resized to."""
    channels: int | None = None
    """The number of channels that images are converted to."""

    @property
    def in_order(self) -> bool:
        """Whether the layer reads records in store order, starting with the first."""
        return not self.shuffle and not self.rand_skip

    @property
    def records_an_iteration(self) -> int:
        """Batch size times ``iter_size``."""
        return self.batch_size * self.iter_size


def find_losses(view: View) -> Iterator[Loss]:
    """The losses of a net: loss layers by type, and any layer with a ``loss_weight``."""
    for layer in view.layers:
        weights = [float(weight) for weight in layer.message.loss_weight]
        known = layer.type.endswith("Loss") or layer.type in CLASS_LOSSES
        if not known and not any(weights):
            continue
        weight = next((w for w in weights if w), 0.0) if weights else 1.0
        made = view.outputs(layer)
        yield Loss(
            layer.name,
            layer.type,
            weight,
            view.phase,
            layer.tops,
            made[0] if made else None,
            made[1].name if made else None,
            read_ignore_label(layer),
            counts_labels(layer),
        )


def read_ignore_label(layer: Layer) -> int | None:
    """The label that a loss or an Accuracy ignores; HingeLoss has no such setting."""
    if layer.type == "HingeLoss":
        return None
    param = layer.param("accuracy_param" if layer.type == "Accuracy" else "loss_param")
    return int(param.ignore_label) if param.HasField("ignore_label") else None


def counts_labels(layer: Layer) -> bool:
    """Whether a loss divides by the number of certain labels in the batch."""
    if layer.type == "InfogainLoss":
        return True
    if layer.type == "HingeLoss":  # does not read loss_param
        return False
    param = layer.param("loss_param")
    mode = enum_word("NormalizationMode", param.normalization)
    if not param.HasField("normalization") and param.HasField("normalize"):
        mode = "VALID" if param.normalize else "BATCH_SIZE"
    named = "balanced" in layer.type.lower() or "weighted" in layer.type.lower()
    return named or (mode == "VALID" and param.HasField("ignore_label"))


def read_source(
    view: View, layer: Layer, places: Sequence[Path], iter_size: int, losses: Sequence[Loss]
) -> DataSource:
    """The dataset that a layer (of a type in ``PARAMS``) reads; ``places`` are searched for it."""
    param = layer.param(PARAMS[layer.type])
    transform = layer.param("transform_param")
    backend = {"HDF5Data": "hdf5", "ImageData": "images"}.get(layer.type)
    path, tried = locate(str(param.source), places)
    label_top, loss, label_type = find_label_use(view, layer, losses)
    accuracy = find_accuracy(view, layer, label_top) if loss is None else None
    made = view.outputs(accuracy) if accuracy else None
    old = param if hasattr(param, "scale") else transform  # scale moved to transform_param
    resized = (param.new_height, param.new_width) if layer.type == "ImageData" else (0, 0)
    return DataSource(
        layer=layer.name,
        type=layer.type,
        phase=view.phase,
        backend=backend or read_backend(layer),
        given=str(param.source),
        path=path,
        tried=tried,
        batch_size=int(param.batch_size),
        iter_size=iter_size if view.phase == "TRAIN" else 1,
        tops=layer.tops,
        label_top=label_top,
        label_type=label_type,
        loss=loss,
        num_classes=loss.outputs if loss else (made[0] if made else None),
        fed_by=loss.fed_by if loss else (made[1].name if made else None),
        ignore_label=loss.ignore_label
        if loss
        else (read_ignore_label(accuracy) if accuracy else None),
        root_folder=str(param.root_folder) if layer.type == "ImageData" else None,
        shuffle=bool(getattr(param, "shuffle", False)),
        rand_skip=int(getattr(param, "rand_skip", 0)),
        scale=float(transform.scale if transform.HasField("scale") else old.scale),
        has_mean=bool(transform.mean_file or transform.mean_value or old.mean_file),
        crop_size=int(transform.crop_size or old.crop_size),
        size=(int(resized[0]), int(resized[1])) if all(resized) else None,
        channels=find_forced_channels(layer),
    )


def read_backend(layer: Layer) -> str:
    """The backend of a Data layer; "" for a backend of a fork."""
    return BACKENDS.get(enum_word("DB", layer.param("data_param").backend), "")


def reads_dataset(layer: Layer) -> bool:
    """Whether a layer reads a dataset that datascan reads, too."""
    return layer.type in PARAMS and (layer.type != "Data" or bool(read_backend(layer)))


def find_forced_channels(layer: Layer) -> int | None:
    """The number of channels that a layer converts images to; None if it does not convert."""
    transform = layer.param("transform_param")
    if layer.type == "ImageData":
        return 3 if layer.param("image_data_param").is_color else 1
    if layer.type == "Data" and layer.param("data_param").force_encoded_color:
        return 3
    return 3 if transform.force_color else (1 if transform.force_gray else None)


def locate(given: str, places: Sequence[Path]) -> tuple[Path | None, tuple[Path, ...]]:
    """The existing file that a path of the net means, if any, and all paths that were tried."""
    if not given:
        return None, ()
    tried = tuple(dict.fromkeys(place / given for place in places))
    return next((path for path in tried if exists(path)), None), tried


def exists(path: Path) -> bool:
    """Whether ``path`` exists; False if it is not a valid path."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


Use = tuple[str | None, Loss | None, LabelType]


def find_label_use(view: View, layer: Layer, losses: Sequence[Loss]) -> Use:
    """The top that holds labels, the loss that reads them as classes, and their type.

    Of several losses, the one with the fewest outputs counts. If labels pass through a Slice or a
    similar layer, the type is "auto", because it is unknown which of them the loss reads.
    """
    by_name = {loss.layer: loss for loss in losses}
    # The second top of a store holds the labels; in HDF5, any top may.
    tops = layer.tops[::-1] if layer.type == "HDF5Data" else layer.tops[1:2]
    for top in tops:
        taken = [below for below, bottom in find_readers(view, layer, top) if bottom == 1]
        classed = [by_name[x.name] for x in taken if x.type in CLASS_LOSSES and x.name in by_name]
        if classed:
            return top, min(classed, key=lambda loss: loss.outputs or UNKNOWN_OUTPUTS), "class"
        if any(below.type in TARGET_LOSSES for below in taken):
            return top, None, "regression"
    if len(layer.tops) < 2:
        return None, None, "none"
    unused = all(below.type == "Silence" for below, _ in find_readers(view, layer, layer.tops[1]))
    top_if_sure = layer.tops[1] if len(layer.tops) == 2 else None
    return top_if_sure, None, "none" if unused else "auto"


def find_readers(view: View, layer: Layer, top: str) -> Iterator[tuple[Layer, int]]:
    """The layers that read a top, directly or through Split, Reshape and Flatten."""
    return view.through(layer, top, ("Split", "Reshape", "Flatten"))


def find_accuracy(view: View, layer: Layer, label_top: str | None) -> Layer | None:
    """The Accuracy that reads the labels, for nets in which no loss does."""
    taken = find_readers(view, layer, label_top) if label_top else ()
    return next((below for below, bottom in taken if below.type == "Accuracy" and bottom), None)

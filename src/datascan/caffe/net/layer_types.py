"""Caffe's types of layers: their names in all of its formats, and which one a misspelt name means.

Source: Caffe 1.0, src/caffe/layers and layer_factory.cpp (REGISTER_LAYER_CLASS);
src/caffe/util/upgrade_proto.cpp (UpgradeV0LayerType, UpgradeV1LayerType).
"""

from __future__ import annotations

from functools import lru_cache

from datascan.caffe.net.schema import ENUMS
from datascan.caffe.net.similar import MAX_NAME, find_misspelt


def words_of(text: str) -> list[str]:
    """The words of a text."""
    return text.split()


LAYER_TYPES = frozenset(
    words_of(
        "AbsVal Accuracy ArgMax BNLL BatchNorm BatchReindex Bias Clip Concat "
        "ContrastiveLoss Convolution Crop Data Deconvolution Dropout DummyData ELU Eltwise "
        "Embed EuclideanLoss Exp Filter Flatten HDF5Data HDF5Output HingeLoss Im2col "
        "ImageData InfogainLoss InnerProduct Input LRN LSTM LSTMUnit Log MVN MemoryData "
        "MultinomialLogisticLoss PReLU Parameter Pooling Power Python RNN ReLU Recurrent "
        "Reduction Reshape SPP Scale Sigmoid SigmoidCrossEntropyLoss Silence Slice Softmax "
        "SoftmaxWithLoss Split Swish TanH Threshold Tile WindowData"
    )
)
"""The types of Caffe 1.0, and Clip and Swish of its last commits."""

FORK_TYPES = frozenset({"Lstm"})
"""Types of forks that differ from a type of Caffe only as a misspelt name does."""

V1_TYPE_NAMES = {
    "ABSVAL": "AbsVal",
    "ARGMAX": "ArgMax",
    "BNLL": "BNLL",
    "HDF5_DATA": "HDF5Data",
    "HDF5_OUTPUT": "HDF5Output",
    "IM2COL": "Im2col",
    "LRN": "LRN",
    "MVN": "MVN",
    "RELU": "ReLU",
    "SOFTMAX_LOSS": "SoftmaxWithLoss",
    "TANH": "TanH",
}
"""V1 types whose current name is not simply their words in CamelCase."""

V0_TYPE_NAMES = {
    "conv": "CONVOLUTION",
    "images": "IMAGE_DATA",
    "innerproduct": "INNER_PRODUCT",
    "pool": "POOLING",
}
"""V0 types whose V1 name is not simply the same word in capitals."""

V0_TYPES = frozenset(
    words_of(
        "accuracy bnll concat conv data dropout euclidean_loss flatten hdf5_data "
        "hdf5_output im2col images infogain_loss innerproduct lrn multinomial_logistic_loss "
        "padding pool relu sigmoid softmax softmax_loss split tanh window_data"
    )
)
"""The types of layers of the oldest format."""


def current_type_name(v1_type: str) -> str:
    """The current name of a V1 layer type: InnerProduct for INNER_PRODUCT.

    The type of a fork keeps its name, as does one that is already written as a current type.
    """
    if v1_type not in ENUMS["V1Type"].split():
        return v1_type
    return V1_TYPE_NAMES.get(v1_type) or v1_type.title().replace("_", "")


def upgraded_type(v0_type: str) -> str:
    """The V1 name of a V0 type: CONVOLUTION for conv; that of an unknown type is itself."""
    if v0_type not in V0_TYPES:
        return v0_type
    return V0_TYPE_NAMES.get(v0_type, v0_type.upper())


def is_known(kind: str) -> bool:
    """Whether Caffe has this type of layer (by its current name)."""
    return kind in LAYER_TYPES


def find_meant_type(kind: str) -> str | None:
    """The type that a misspelt one means: Convolution for Convolutoin; None for others."""
    return find_short_type(kind) if len(kind) <= MAX_NAME else None


@lru_cache(maxsize=1 << 16)
def find_short_type(kind: str) -> str | None:
    """The same for a name that is not too long to be remembered."""
    if kind in LAYER_TYPES or kind in FORK_TYPES:
        return None
    v1_types = ENUMS["V1Type"].split()
    if kind in v1_types:
        return current_type_name(kind)
    if kind.isupper() and (meant := find_misspelt(kind, v1_types)):
        return meant
    return find_misspelt(kind, LAYER_TYPES)

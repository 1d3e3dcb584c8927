"""Upgrades nets of the oldest format, V0 (``layers { layer { type: "conv" ... } }``), to V1.

Source: Caffe, src/caffe/util/upgrade_proto.cpp: UpgradeV0Net, UpgradeV0PaddingLayers,
UpgradeV0LayerParameter.
"""

from __future__ import annotations

from typing import Any

from datascan.caffe.net.layer_types import upgraded_type

PARAMS = {
    "concat": "concat_param",
    "conv": "convolution_param",
    "data": "data_param",
    "hdf5_data": "hdf5_data_param",
    "images": "image_data_param",
    "infogain_loss": "infogain_loss_param",
    "innerproduct": "inner_product_param",
    "pool": "pooling_param",
}
"""The message into which the fields of a V0 layer move, by its type."""

NEW_NAMES = {
    "batchsize": "batch_size",
    "kernelsize": "kernel_size",
    "shuffle_images": "shuffle",
}
"""Fields of V0 layers whose names have changed."""

TRANSFORMS = {"scale": "scale", "meanfile": "mean_file", "cropsize": "crop_size"}
"""Fields of V0 layers that move into ``transform_param``, for every type."""

OWN_FIELDS = frozenset({"name", "type", "blobs_lr"})
"""Fields that stay in the layer."""

PADDING = "padding"
"""The type of layers that are merged into the convolution or pooling after them."""


def upgrade_v0(net: Any) -> list[Any]:
    """The layers of a NetParameter message of V0 as V1LayerParameter messages, in order.

    As in Caffe, a padding layer disappears: the layers that read it get its padding.
    """
    upgraded: list[Any] = []
    paddings: dict[str, Any] = {}
    for old in net.layers:
        v0 = old.layer
        for top in old.top:
            paddings.pop(top, None)
        if v0.type == PADDING:
            paddings |= dict.fromkeys(old.top, old)
            continue
        layer = type(old)()
        upgrade_layer(old, layer)
        for place, bottom in enumerate(old.bottom):
            if bottom in paddings:
                take_padding(layer, paddings[bottom], place)
        upgraded.append(layer)
    return upgraded


def take_padding(layer: Any, padding: Any, place: int) -> None:
    """Let a layer read what its padding layer reads, and pad it."""
    if padding.bottom:
        layer.bottom[place] = padding.bottom[0]
    if layer.type == "CONVOLUTION":
        layer.convolution_param.pad[:] = [padding.layer.pad]
    elif layer.type == "POOLING":
        layer.pooling_param.pad = padding.layer.pad


def upgrade_layer(old: Any, layer: Any) -> None:
    """Fill ``layer``, of V1, with the fields of a V0 layer; those of other types are dropped."""
    v0 = old.layer
    layer.bottom.extend(old.bottom)
    layer.top.extend(old.top)
    layer.name, layer.type = v0.name, upgraded_type(v0.type)
    layer.blobs_lr.extend(v0.blobs_lr)
    for field, value in v0.ListFields():
        if field.name in OWN_FIELDS:
            continue
        if field.name in TRANSFORMS:
            setattr(layer.transform_param, TRANSFORMS[field.name], value)
        elif v0.type in PARAMS:
            param = getattr(layer, PARAMS[v0.type])
            move_field(param, NEW_NAMES.get(field.name, field.name), value)


def move_field(param: Any, name: str, value: Any) -> None:
    """Set a field of a message; nothing if it does not have that field."""
    if name not in param.DESCRIPTOR.fields_by_name:
        return
    target = getattr(param, name)
    if hasattr(target, "CopyFrom"):
        target.CopyFrom(value)
    elif hasattr(target, "append"):
        target.append(value)
    else:
        setattr(param, name, value)

"""Views of nets: states, which layer feeds which, and numbers of channels."""

from __future__ import annotations

import pytest

from datascan.caffe.net.graph import CHANNEL_PRESERVING, View
from datascan.caffe.net.training import read_training
from tests.builders.caffe import conv, data, inner, layer, write_net


def view(folder, *parts: str) -> View:
    """The view of these layers in the phase TRAIN."""
    return read_training(write_net(folder, *parts)).views[0]


def named(found: View, name: str):
    """The last layer of that name."""
    return [one for one in found.layers if one.name == name][-1]


def names(layers) -> list[str]:
    return [one.name for one in layers]


def outputs(folder, *parts: str, bottom: int = 0):
    """How many channels the last layer reads, and the name of the layer that sets them."""
    found = view(folder, *parts)
    made = found.outputs(found.layers[-1], bottom)
    return made and (made[0], made[1].name)


END = layer("end", "Softmax", "x", "y")


def test_the_last_earlier_layer_with_a_top_feeds_a_bottom(tmp_path):
    found = view(
        tmp_path,
        inner("x", "data", 3),
        layer("r", "ReLU", "x", "x"),
        layer("e", "Eltwise", "x later", "e"),
        layer("x2", "ReLU", "none", "later"),
    )
    feeds = {(below.name, bottom): above.name for (below, bottom), above in found.feeds.items()}
    assert feeds == {("r", 0): "x", ("e", 0): "r"}
    assert names(found.up(named(found, "e"))) == ["r", "x"]
    assert list(found.up(named(found, "e"), 1)) == []
    assert [one.name for one, _ in found.read_by[named(found, "x")]] == ["r"]
    assert names(found.of_type("ReLU", "Eltwise")) == ["r", "e", "x2"]


def test_readers_by_top_and_through_other_layers(tmp_path):
    found = view(
        tmp_path,
        data(),
        layer("split", "Split", "label", "one two"),
        layer("again", "Split", "two", "three"),
        layer("a", "Accuracy", "data one", "a"),
        layer("b", "Accuracy", "data three", "b"),
        layer("c", "Silence", "label"),
    )
    source = named(found, "data")
    read = [(one.name, bottom) for one, bottom in found.readers(source, "label")]
    assert read == [("split", 0), ("c", 0)]
    through = [(one.name, bottom) for one, bottom in found.through(source, "label", ("Split",))]
    assert through == [("c", 0), ("a", 1), ("b", 1)]


def test_ancestors_are_each_named_once(tmp_path):
    found = view(
        tmp_path,
        data(),
        inner("a", "data", 3),
        inner("b", "data", 3),
        layer("sum", "Eltwise", "a b", "sum"),
        inner("other", "data", 3),
        layer("end", "Eltwise", "sum a", "end"),
    )
    above = names(found.ancestors(named(found, "end")))
    assert sorted(above) == ["a", "b", "data", "sum"]
    assert list(found.ancestors(named(found, "data"))) == []


@pytest.mark.parametrize("kind", sorted(CHANNEL_PRESERVING - {"Reshape", "Flatten"}))
def test_layers_that_keep_the_number_of_channels(tmp_path, kind):
    between = layer("between", kind, "a", "x")
    assert outputs(tmp_path, conv("a", "data", 7), between, END) == (7, "a")


def test_the_types_that_keep_channels():
    words = "AbsVal BNLL BatchNorm Bias Clip Crop Dropout ELU Eltwise Exp Flatten LRN Log MVN PReLU"
    words += " Pooling Power ReLU Reshape Scale Sigmoid Softmax Split Swish TanH Threshold"
    assert set(words.split()) == CHANNEL_PRESERVING


@pytest.mark.parametrize("kind", ["Convolution", "Deconvolution", "InnerProduct"])
def test_layers_that_set_it(tmp_path, kind):
    param = "inner_product_param" if kind == "InnerProduct" else "convolution_param"
    made = layer("a", kind, "data", "x", f"{param} {{ num_output: 5 }}")
    assert outputs(tmp_path, made, END) == (5, "a")
    unset = layer("a", kind, "data", "x")
    assert outputs(tmp_path, conv("b", "data", 3), unset, END) is None


def test_unknown_layers_and_inputs(tmp_path):
    assert outputs(tmp_path, inner("a", "data", 5), layer("p", "Python", "a", "x"), END) is None
    assert outputs(tmp_path, END) is None


TWO = inner("a", "data", 5) + inner("b", "data", 6)


@pytest.mark.parametrize(
    ("bottoms", "param", "expected"),
    [
        ("a b", "", (11, "x")),
        ("a b", "concat_param { axis: 1 }", (11, "x")),
        ("a b", "concat_param { axis: -3 }", (11, "x")),
        ("a b", "concat_param { concat_dim: 1 axis: 0 }", (11, "x")),
        ("a b", "concat_param { axis: 0 }", None),
        ("a b", "concat_param { concat_dim: 0 }", None),
        ("a b a", "", (16, "x")),
        ("a unknown", "", None),
    ],
)
def test_concatenated_channels(tmp_path, bottoms, param, expected):
    net = TWO + layer("x", "Concat", bottoms, "x", param) + END
    assert outputs(tmp_path, net) == expected


@pytest.mark.parametrize(("count", "expected"), [(1, (2147483647, "x")), (2, None)])
def test_more_channels_than_caffe_can_count(tmp_path, count, expected):
    net = inner("a", "data", 2147483646) + inner("b", "data", count)
    assert outputs(tmp_path, net, layer("x", "Concat", "a b", "x"), END) == expected


def reshape(*dims: int) -> str:
    words = " ".join(f"dim: {dim}" for dim in dims)
    return layer("x", "Reshape", "a", "x", f"reshape_param {{ shape {{ {words} }} }}")


@pytest.mark.parametrize(
    ("dims", "expected"),
    [((0, 12, -1), (12, "x")), ((0, 0, -1), (7, "a")), ((0,), (7, "a")), ((0, -1), None)],
)
def test_reshaped_channels(tmp_path, dims, expected):
    assert outputs(tmp_path, conv("a", "data", 7), reshape(*dims), END) == expected


FLATTEN = layer("x", "Flatten", "p", "x")


@pytest.mark.parametrize(
    ("above", "expected"),
    [
        (layer("p", "Pooling", "a", "p", "pooling_param { global_pooling: true }"), (7, "a")),
        (layer("p", "Pooling", "a", "p", "pooling_param { kernel_size: 2 }"), None),
        (layer("p", "ReLU", "a", "p"), None),
        (inner("p", "a", 9), (9, "p")),
        (layer("q", "Flatten", "a", "q") + layer("p", "Flatten", "q", "p"), None),
        (layer("p", "Python", "a", "p"), None),
    ],
)
def test_flattened_channels(tmp_path, above, expected):
    assert outputs(tmp_path, conv("a", "data", 7), above, FLATTEN, END) == expected


def test_rates_of_either_format(tmp_path):
    found = view(
        tmp_path,
        layer("none", "ReLU"),
        layer("some", "InnerProduct", "", "", "param { lr_mult: 2.5 } param { lr_mult: 9 }"),
    )
    assert [one.first_rate for one in found.layers] == [1.0, 2.5]
    old = view(
        tmp_path,
        "layers { type: RELU } layers { type: INNER_PRODUCT blobs_lr: 3 blobs_lr: 4 name: 'i' }",
    )
    assert [(one.name, one.first_rate) for one in old.layers] == [("(unnamed)", 1.0), ("i", 3.0)]
    assert not old.layers[0].has("scale_param")


def test_old_names_of_types(tmp_path):
    found = view(tmp_path, layer("a", "SoftmaxLoss", "x"), layer("b", "ReLU", "", "", ""))
    assert [one.type for one in found.layers] == ["SoftmaxWithLoss", "ReLU"]
    assert named(found, "b").has("relu_param") is False
    with_param = view(tmp_path, layer("b", "ReLU", "", "", "relu_param { negative_slope: 0.5 }"))
    assert with_param.layers[0].has("relu_param")

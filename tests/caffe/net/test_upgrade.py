"""Nets of the oldest format become what Caffe makes of them."""

from __future__ import annotations

import pytest

from datascan.caffe.net.training import read_training
from tests.builders.caffe import net_findings, scan_prototxt, write_datums, write_net

V0 = """
layers { layer { name: "data" type: "data" source: "train_lmdb" meanfile: "m.binaryproto"
                 batchsize: 16 cropsize: 4 scale: 0.5 rand_skip: 3 }
         top: "data" top: "label" }
layers { layer { name: "pad" type: "padding" pad: 2 } bottom: "data" top: "pad" }
layers { layer { name: "conv" type: "conv" num_output: 8 kernelsize: 5 stride: 2 group: 2
                 weight_filler { type: "gaussian" std: 0.01 } blobs_lr: 3 blobs_lr: 2 }
         bottom: "pad" top: "conv" }
layers { layer { name: "pool" type: "pool" pool: AVE kernelsize: 3 stride: 5 }
         bottom: "conv" top: "pool" }
layers { layer { name: "ip" type: "innerproduct" num_output: 10 } bottom: "pool" top: "ip" }
layers { layer { name: "loss" type: "softmax_loss" } bottom: "ip" bottom: "label" }
"""


def test_layers_are_upgraded_and_padding_is_merged(tmp_path):
    training = read_training(write_net(tmp_path, V0))
    layers = training.views[0].layers
    assert [(x.name, x.type) for x in layers] == [
        ("data", "Data"),
        ("conv", "Convolution"),
        ("pool", "Pooling"),
        ("ip", "InnerProduct"),
        ("loss", "SoftmaxWithLoss"),
    ]
    conv = layers[1].param("convolution_param")
    assert layers[1].bottoms == ("data",)
    assert (list(conv.pad), list(conv.kernel_size), list(conv.stride)) == ([2], [5], [2])
    assert (conv.num_output, conv.group, conv.weight_filler.type) == (8, 2, "gaussian")
    assert layers[1].first_rate == 3
    (source,) = training.sources
    assert (source.given, source.batch_size, source.crop_size) == ("train_lmdb", 16, 4)
    assert (source.scale, source.has_mean, source.rand_skip) == (0.5, True, 3)
    assert (source.num_classes, source.fed_by) == (10, "ip")


def test_an_old_net_is_judged_as_a_new_one(tmp_path):
    write_datums(tmp_path / "train_lmdb", [0, 12] * 20)
    report = scan_prototxt(tmp_path, V0, data=True)
    assert [key for key, _ in net_findings(report, "pooling-stride-exceeds-kernel")] == ["pool"]
    assert "label-beyond-outputs" in {finding.rule for finding in report.sources[0].findings}


@pytest.mark.parametrize(
    "text",
    [
        'layers { layer { name: "p" type: "padding" } }',
        'layers { layer { type: "padding" } top: "p" } layers { layer { type: "a" } bottom: "p" }',
        'layers { layer { name: "r" type: "relu" num_output: 3 pad: 1 } bottom: "x" top: "x" }',
        'layers { layer { name: "b" type: "fork" } bottom: "x" } layers { name: "old" type: RELU }',
        "layers { layer { } }",
    ],
)
def test_odd_old_nets_are_read(tmp_path, text):
    assert scan_prototxt(tmp_path, text).sources == []
